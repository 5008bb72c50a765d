"""Predictions of a fine-tuned model: logits for each row, in batches of similar length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from tasks.data.text.length_buckets import Example
from tasks.problems import Problem

# Padding included; fits the caches of a processor and the memory of any GPU.
TOKENS_IN_A_BATCH = 4096


def model_inputs(problem: Problem, model: Any, examples: Sequence[Any]) -> dict[str, Tensor]:
    """What a model reads of examples: a batch without labels, on its device."""
    # Models of pictures have no padding, and some decoders do not say theirs.
    padding = getattr(model.config, "pad_token_id", 0) or 0
    batch = problem.collate(examples, padding)
    return {name: tensor.to(model.device) for name, tensor in batch.items() if name != "labels"}


@torch.no_grad()
def predict(
    problem: Problem,
    model: Any,
    rows: pd.DataFrame,
    examples: Sequence[Example],
    labels: Sequence[str],
) -> pd.DataFrame:
    """The rows, encoded as `examples`, with the model's predictions."""
    logits: list[NDArray[np.float32]] = [np.empty(0, dtype=np.float32)] * len(examples)
    for indices in group_by_length([example.places for example in examples]):
        inputs = model_inputs(problem, model, [examples[i] for i in indices])
        scores = problem.logits(model, inputs)
        for i, score in zip(indices, scores.float().cpu().numpy(), strict=True):
            logits[i] = score
    return problem.decide(rows, examples, logits, labels)


def group_by_length(lengths: Sequence[int]) -> list[list[int]]:
    """All indices, longest first, in batches of at most `TOKENS_IN_A_BATCH` tokens, or one row."""
    groups: list[list[int]] = []
    room = 0
    for i in np.argsort(-np.asarray(lengths), kind="stable").tolist():
        if not room:
            groups.append([])
            room = max(1, TOKENS_IN_A_BATCH // max(lengths[i], 1))
        groups[-1].append(i)
        room -= 1
    return groups


def mean_loss(table: pd.DataFrame) -> float:
    """The mean cross-entropy in nats, without words that the model did not see."""
    return float(np.nanmean(np.hstack(table["loss"].tolist())))
