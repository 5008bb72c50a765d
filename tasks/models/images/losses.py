"""The loss of a fine-tuning on pictures, and how often its examples have each label.

As `tasks/models/learning/tuning.py: loss_of`, but examples are counted one at a time: a mask has a
label for each pixel. Labels may be shares, where pictures are mixed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from tasks.contract import StageError
from tasks.experiment.images.problem import ImageTuning
from tasks.models.class_loss import NO_LABEL, SEVERAL, ClassLoss, balanced
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


@dataclass(frozen=True)
class SharesLoss(ClassLoss):
    """The same of labels that are shares: the loss of each truth, with its weight, by its share."""

    def __call__(self, model: Any, batch: Batch) -> Tensor:
        """The loss of a batch; `labels` of shape (pictures, labels)."""
        scores = model(pixel_values=batch["pixel_values"]).logits.float()
        if self.problem_type == SEVERAL:
            return self.of_several(scores, batch["labels"])
        return self.of_one(scores, batch["labels"])

    def of_one(self, scores: Tensor, labels: Tensor) -> Tensor:
        """Of one label each, in shares: both of shape (pictures, labels)."""
        nats = -scores.log_softmax(dim=1)
        smooth = (1 - self.smoothing) * nats + self.smoothing * nats.mean(dim=1, keepdim=True)
        if self.weights is not None:
            smooth = smooth * self.weights.to(smooth.device)
        return (labels * smooth).sum(dim=1).mean()

    def of_several(self, scores: Tensor, labels: Tensor) -> Tensor:
        """Of a yes or no for each label, in shares: both of shape (pictures, labels)."""
        truths = torch.stack([torch.zeros_like(scores), torch.ones_like(scores)])
        smooth = truths * (1 - self.smoothing) + self.smoothing / 2
        no, yes = functional.binary_cross_entropy_with_logits(
            scores.expand_as(smooth), smooth, reduction="none"
        )
        if self.weights is not None:
            weights = self.weights.to(scores.device)
            no, yes = no * weights[:, 0], yes * weights[:, 1]
        return ((1 - labels) * no + labels * yes).mean()


def count_labels(examples: Sequence[Any], labels: int, problem_type: str = "") -> NDArray[np.int64]:
    """How often each label is in some examples: shape (labels,).

    Args:
        examples: of a problem.
        labels: how many there are.
        problem_type: as in the configuration of `transformers`; SEVERAL: an example has a yes or no
            for each label.
    """
    counts = np.zeros(labels, dtype=np.int64)
    for example in examples:
        found = np.asarray(example.labels, dtype=np.int64)
        if problem_type == SEVERAL:
            counts += found
        else:
            counts += np.bincount(found[found != NO_LABEL], minlength=labels)
    return counts


def picture_loss_of(
    kind: Problem, training: ImageTuning, counts: NDArray[np.int64], examples: int, *, mixed: bool
) -> Callable[[Any, Batch], Any]:
    """The loss of a batch: with smoothed labels or weights of classes, if these are chosen.

    Args:
        kind: the problem.
        training: how to train.
        counts: of `count_labels`.
        examples: how many were counted.
        mixed: whether labels are shares.

    Raises:
        StageError: one of these is chosen, and the problem has a loss of its own.
    """
    is_balanced = training.class_weights == "balanced"
    if not training.label_smoothing and not is_balanced and not mixed:
        return kind.loss
    if kind.loss is not defaults.loss:
        raise StageError(
            "label_smoothing, class_weights and mixup are of cross-entropy, and the problem has a "
            "loss of its own; accepted: label_smoothing 0, class_weights none and mixup 0"
        )
    problem_type = kind.HEAD.problem_type
    of_each = np.stack([examples - counts, counts], 1) if problem_type == SEVERAL else counts
    weights = balanced(of_each.astype(np.float64)) if is_balanced else None
    chosen = SharesLoss if mixed else PictureLoss
    return chosen(problem_type, training.label_smoothing, weights)
