"""The loss of a fine-tuning on pictures, and how often its examples have each label.

As `tasks/models/learning/tuning.py: loss_of`, but examples are counted one at a time: a mask has a
label for each pixel.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from tasks.contract import StageError
from tasks.experiment.images.problem import ImageTuning
from tasks.models.class_loss import NO_LABEL, ClassLoss, balanced
from tasks.problems import Problem, defaults
from tasks.training.loop import Batch


@dataclass(frozen=True)
class PictureLoss(ClassLoss):
    """The same, and 0 of a batch in which nothing counts, as masks that were moved may have it."""

    def of_one(self, scores: Tensor, labels: Tensor) -> Tensor:
        """Of one label each: scores of shape (number, labels), labels of shape (number,)."""
        if not bool((labels != NO_LABEL).any()):
            return scores.sum() * 0
        return super().of_one(scores, labels)


def count_labels(examples: Sequence[Any], labels: int) -> NDArray[np.int64]:
    """How often each label is in some examples: shape (labels,)."""
    counts = np.zeros(labels, dtype=np.int64)
    for example in examples:
        found = np.asarray(example.labels, dtype=np.int64)
        counts += np.bincount(found[found != NO_LABEL], minlength=labels)
    return counts


def picture_loss_of(
    kind: Problem, training: ImageTuning, counts: NDArray[np.int64]
) -> Callable[[Any, Batch], Any]:
    """The loss of a batch: with smoothed labels or weights of classes, if these are chosen.

    Args:
        kind: the problem.
        training: how to train.
        counts: of `count_labels`.

    Raises:
        StageError: these are chosen, and the problem has a loss of its own.
    """
    is_balanced = training.class_weights == "balanced"
    if not training.label_smoothing and not is_balanced:
        return kind.loss
    if kind.loss is not defaults.loss:
        raise StageError(
            "label_smoothing and class_weights are of cross-entropy, and the problem has a loss of "
            "its own; accepted: label_smoothing 0 with class_weights none"
        )
    weights = balanced(counts.astype(np.float64)) if is_balanced else None
    return PictureLoss(kind.HEAD.problem_type, training.label_smoothing, weights)
