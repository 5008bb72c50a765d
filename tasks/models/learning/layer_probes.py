"""Linear probes of the layers of a body: in which of them does a linear model find the answer?

Alain and Bengio 2017, "Understanding intermediate layers using linear classifier probes", ICLR
workshop; for transformers Tenney et al. 2019, "BERT rediscovers the classical NLP pipeline", ACL.
The same layers with random weights are the rival: much can be predicted from random features of the
same input, and a layer knows only what it tells beyond that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tasks.models.inference import group_by_length, model_inputs
from tasks.models.learning.probed import Probed, place_read
from tasks.problems import Problem

Features = NDArray[np.float32]
ByLayer = dict[str, list[Features]]  # by how the places of a row are pooled; the lowest first
MEAN, FIRST = "mean", "first"


@torch.no_grad()
def features_of(
    kind: Problem,
    probed: Probed,
    model: Any,
    examples: Sequence[Any],
    report: Callable[[int], None],
) -> ByLayer:
    """The features of each layer of an encoder for each example, its embeddings first.

    Args:
        kind: the problem.
        probed: which of the places of a row stands for it.
        model: with any head; in evaluation mode.
        examples: of the problem.
        report: receives how many are done.
    """
    found: dict[str, list[list[Features]]] = {}
    order: list[int] = []
    for group in group_by_length([example.places for example in examples]):
        inputs = model_inputs(kind, model, [examples[i] for i in group])
        states = model.base_model(**inputs, output_hidden_states=True).hidden_states
        for number, state in enumerate(states):
            filled = _filled(state, inputs.get("attention_mask"))
            read = place_read(probed, model, filled)
            for name, pooled in _pooled(state, filled, read).items():
                layers = found.setdefault(name, [[] for _ in states])
                layers[number].append(pooled.float().cpu().numpy())
        order += group
        report(len(order))
    back = np.argsort(order)
    return {name: [np.concatenate(each)[back] for each in layers] for name, layers in found.items()}


def _filled(state: Tensor, mask: Tensor | None) -> Tensor:
    """1 where a place is filled: shape (rows, places); all of them without a mask."""
    return state.new_ones(state.shape[:2]) if mask is None else mask.to(state.dtype)


def _pooled(state: Tensor, filled: Tensor, read: Tensor | None) -> dict[str, Tensor]:
    """The features of rows from those of their places.

    Args:
        state: (rows, places, width), or of pictures (rows, width of the map, height, width).
        filled: (rows, places), 1 where a place is filled; of a map it does not count.
        read: the place of each row that stands for it: shape (rows,); None if there is none.
    """
    if state.ndim == 4:
        return {MEAN: state.mean(dim=(2, 3))}
    mean = (state * filled[..., None]).sum(dim=1) / filled.sum(dim=1, keepdim=True)
    if read is None:
        return {MEAN: mean}
    return {MEAN: mean, FIRST: state[torch.arange(len(state), device=state.device), read]}


def answers_of(
    probed: Probed, train: Features, truth: Sequence[Any], *asked: Features
) -> list[list[Any]]:
    """The answers of a probe of one layer, whose features are standardized by the training rows."""
    middle, spread = train.mean(axis=0), train.std(axis=0)
    spread[spread < 1e-6] = 1.0
    ready = [(each - middle) / spread for each in (train, *asked)]
    return probed.answer(ready[0], truth, *ready[1:])


def answers_by_layer(
    probed: Probed, truth: Sequence[Any], features: Mapping[str, ByLayer]
) -> dict[str, list[dict[str, list[Any]]]]:
    """The answers of a probe of each layer to the rows of each split but `train`.

    Args:
        probed: the linear model.
        truth: of the training rows.
        features: of each split, `train` first.

    Returns:
        By how places are pooled: for each layer, the answers by split.
    """
    asked = [split for split in features if split != "train"]
    found: dict[str, list[dict[str, list[Any]]]] = {}
    for name, layers in features["train"].items():
        found[name] = [
            dict(
                zip(
                    asked,
                    answers_of(probed, train, truth, *(features[s][name][number] for s in asked)),
                    strict=True,
                )
            )
            for number, train in enumerate(layers)
        ]
    return found
