"""Masked language modelling: which tokens are hidden, and how they are predicted.

As in BERT (Devlin et al., 2019, section 3.1): a share of the tokens is to be predicted; of those
80 % are replaced by the mask token, 10 % by a random token, 10 % stay. What is chosen is a function
of seed, epoch and example, so each epoch masks anew (RoBERTa's dynamic masking; Liu et al., 2019,
section 4.1) and a resumed run masks as an uninterrupted one.

The head is applied to the chosen positions only. That is the same loss and the same gradients as
with the head on every position, for a fraction of the arithmetic: the projection to the vocabulary
is the largest product of a small model.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from tasks.data.randomness import below, draw, unit
from tasks.data.text.vocabulary import Vocabulary
from tasks.models.building import head_of
from tasks.objectives import Drawing
from tasks.training.flops import Product
from tasks.training.kernels.cross_entropy import cross_entropy
from tasks.training.microbatches import split_rows

MASK_SHARE, RANDOM_SHARE = 0.8, 0.1

INPUTS = ("input_ids", "attention_mask", "token_type_ids")  # what the model reads of a batch

# What a number is drawn for: each purpose has its own numbers.
CHOICE, TREATMENT, REPLACEMENT = 1, 2, 3


def mask(
    ids: NDArray[np.int64],
    vocabulary: Vocabulary,
    drawing: Drawing,
    indices: NDArray[np.int64],
    epochs: NDArray[np.int64],
) -> dict[str, NDArray[np.int64]]:
    """Hide tokens of each sequence, exactly max(1, round(share · n)) of its n ordinary tokens.

    Args:
        ids: [batch, length] the tokens.
        vocabulary: its special tokens are never hidden.
        drawing: the share and the seed.
        indices: [batch] number of each example.
        epochs: [batch] epoch that each is drawn in.

    Returns:
        input_ids: [batch, length] with tokens hidden.
        positions: [hidden] where they are in the flattened batch, ascending.
        targets: [hidden] what they were.
    """
    length = ids.shape[1]
    rows, columns = epochs[:, None], np.arange(length)
    order = draw(drawing.seed, CHOICE, rows, indices[:, None], columns)
    eligible = vocabulary.ordinary[ids]
    order[~eligible] = np.iinfo(np.uint64).max
    available = eligible.sum(axis=1)
    counts = np.minimum(np.maximum(1, np.floor(drawing.masking_share * available + 0.5)), available)
    first = np.argsort(order, axis=1)
    row, rank = np.nonzero(columns < counts[:, None])
    positions = np.sort(row * length + first[row, rank])

    targets = ids.reshape(-1)[positions]
    row, column = np.divmod(positions, length)
    key = (epochs[row], indices[row], column)
    treatment = unit(draw(drawing.seed, TREATMENT, *key))
    candidates = np.flatnonzero(vocabulary.ordinary)
    replacement = candidates[below(draw(drawing.seed, REPLACEMENT, *key), len(candidates))]
    kept_or_random = np.where(treatment < MASK_SHARE + RANDOM_SHARE, replacement, targets)
    hidden = ids.copy()
    hidden.reshape(-1)[positions] = np.where(
        treatment < MASK_SHARE, vocabulary.mask, kept_or_random
    )
    return {"input_ids": hidden, "positions": positions, "targets": targets}


def predict(model: nn.Module, batch: dict[str, Tensor]) -> Any:
    """Call a model with its language-model head on `positions` only: logits [hidden, vocabulary].

    A hook on the head gathers what it reads. The model is called as ever, so that autocast works
    and so that any masked model can be trained in this way.
    """
    positions = batch["positions"]

    def gather(_: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        states, *others = inputs
        return states.flatten(0, 1).index_select(0, positions), *others

    inputs = {name: batch[name] for name in INPUTS if name in batch}
    with head_of(model).register_forward_pre_hook(gather):
        return model(**inputs)


def masked_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy of the hidden tokens, in nats."""
    return cross_entropy(logits, targets)


def measure_masked(logits: Tensor, targets: Tensor) -> dict[str, tuple[float, int]]:
    """Sum of the cross-entropies and count of the right guesses of the hidden tokens."""
    loss = functional.cross_entropy(logits.float(), targets, reduction="sum")
    right = (logits.argmax(-1) == targets).sum()
    return {
        "validation_loss": (float(loss), len(targets)),
        "masked_accuracy": (float(right), len(targets)),
    }


def split(batch: dict[str, Tensor], rows: int) -> list[dict[str, Tensor]]:
    """A batch in parts: hidden tokens go with their row, positions count from its part's first."""
    flat = {name: batch[name] for name in ("positions", "targets")}
    parts = split_rows({name: part for name, part in batch.items() if name not in flat}, rows)
    first = 0
    for part in parts:
        last = first + part["input_ids"].numel()
        own = (flat["positions"] >= first) & (flat["positions"] < last)
        part |= {"positions": flat["positions"][own] - first, "targets": flat["targets"][own]}
        first = last
    return parts


def masked_head(config: Any, batch: dict[str, Tensor]) -> list[Product]:
    """Transform and projection of the hidden tokens."""
    hidden, width = len(batch["positions"]), config.hidden_size
    return [(hidden, width, width), (hidden, width, config.vocab_size)]


def tensors(arrays: dict[str, NDArray[np.int64]]) -> dict[str, Tensor]:
    """The arrays of a batch as tensors."""
    return {name: torch.from_numpy(array) for name, array in arrays.items()}
