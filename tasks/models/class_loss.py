"""The loss of labels that are smoothed, or of classes that weigh the same.

Label smoothing (Szegedy et al. 2016, "Rethinking the inception architecture for computer vision",
CVPR, section 7): a share of the truth is divided equally among all labels. Balanced classes (King
and Zeng 2001, "Logistic regression in rare events data", Political Analysis 9): a row weighs
rows / (classes × rows of its class), 1 on average, as `class_weight="balanced"` of sklearn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from tasks.data.text.length_buckets import Batch, Example
from tasks.problems.windows.texts import apart

NO_LABEL = -100  # as in transformers: not counted
SEVERAL = "multi_label_classification"  # each label is a question of its own


@dataclass(frozen=True)
class ClassLoss:
    """The mean loss of a batch, in nats.

    It is a mean over rows, words or questions, never over their weights: so batches of a few rows
    weigh as much as others, and parts of a batch add up to the loss of the whole.

    Attributes:
        problem_type: as in the configuration of `transformers`.
        smoothing: the share of the truth that is divided among all labels.
        weights: of each class, of shape (labels,); of no and yes for each label of several, of
            shape (labels, 2); None for equal weights.
    """

    problem_type: str
    smoothing: float = 0.0
    weights: Tensor | None = None

    def __call__(self, model: Any, batch: Batch) -> Tensor:
        """The loss of a batch; of windows, by their weights, which are 1 on average."""
        inputs = {name: part for name, part in batch.items() if name != "labels"}
        scores, (labels, weights) = model(**inputs).logits.float(), apart(batch["labels"])
        if weights is not None and self.problem_type == SEVERAL:
            return (weights * self.each_of_several(scores, labels).mean(-1)).mean()
        if weights is not None:
            return (weights * self.each_of_one(scores, labels.flatten().long())).mean()
        if self.problem_type == SEVERAL:
            return self.of_several(scores, labels)
        return self.of_one(scores.flatten(0, -2), labels.flatten())

    def of_one(self, scores: Tensor, labels: Tensor) -> Tensor:
        """Of one label each: scores of shape (number, labels), labels of shape (number,)."""
        return self.each_of_one(scores, labels).sum() / (labels != NO_LABEL).sum()

    def each_of_one(self, scores: Tensor, labels: Tensor) -> Tensor:
        """That of each label: shape (number,)."""
        each = functional.cross_entropy(
            scores,
            labels,
            reduction="none",
            ignore_index=NO_LABEL,
            label_smoothing=self.smoothing,
        )
        if self.weights is not None:
            each = each * self.weights.to(each.device)[labels.where(labels != NO_LABEL, 0)]
        return each

    def of_several(self, scores: Tensor, labels: Tensor) -> Tensor:
        """Of a yes or no for each label: both of shape (rows, labels)."""
        return self.each_of_several(scores, labels).mean()

    def each_of_several(self, scores: Tensor, labels: Tensor) -> Tensor:
        """That of each yes or no: shape (rows, labels)."""
        smooth = labels * (1 - self.smoothing) + self.smoothing / 2
        each = functional.binary_cross_entropy_with_logits(scores, smooth, reduction="none")
        if self.weights is not None:
            no, yes = self.weights.to(each.device).unbind(1)
            each = each * torch.where(labels > 0.5, yes, no)
        return each


def balanced_weights(examples: Sequence[Example], problem_type: str, labels: int) -> Tensor:
    """The weights of classes that together weigh the same in the training examples.

    Args:
        examples: the training rows.
        problem_type: as in the configuration of `transformers`.
        labels: how many there are.
    """
    rows = np.array([getattr(example, "weight", 1.0) for example in examples])  # of windows
    if problem_type == SEVERAL:
        stated = np.array([example.labels for example in examples], dtype=np.float64)
        yes = rows @ stated
        return balanced(np.stack([rows.sum() - yes, yes], axis=1))
    found = np.concatenate([np.asarray(example.labels, np.int64) for example in examples])
    each = np.repeat(rows, [len(example.labels) for example in examples])
    counted = found != NO_LABEL
    counts = np.bincount(found[counted], weights=each[counted], minlength=labels)
    return balanced(counts.astype(np.float64))


def balanced(counts: NDArray[np.float64]) -> Tensor:
    """The weights of classes by how often they occur, on the last axis; 0 of one that does not."""
    occurs = counts > 0
    whole = counts.sum(axis=-1, keepdims=True) / occurs.sum(axis=-1, keepdims=True)
    weights = np.divide(whole, counts, out=np.zeros(counts.shape), where=occurs)
    return torch.from_numpy(weights.astype(np.float32))
