"""The loss, the optimization and the results of a fine-tuning, on text or on pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from tasks.contract import StageError
from tasks.experiment.images.problem import ImageTuning
from tasks.experiment.problem import FineTuning
from tasks.models.class_loss import NO_LABEL, ClassLoss, balanced_weights
from tasks.problems import Problem, defaults
from tasks.training.loop import Batch, Optimization, TrainingHistory
from tasks.training.optimization import matrices_of_layers
from tasks.training.weights.best import Order

LOGS = 50


class Weighed(Protocol):
    """The fields of a fine-tuning that choose its loss."""

    @property
    def label_smoothing(self) -> float:
        """Share of the truth that is divided among all labels."""

    @property
    def class_weights(self) -> str:
        """None or balanced."""


def order_of(kind: Problem) -> Order:
    """Ranks validations by the headline metric; of equal ones, the lower loss is better."""
    name, sign = f"validation_{kind.HEADLINE}", kind.METRICS[kind.HEADLINE].sign
    return lambda metrics: (sign * metrics[name], -metrics["validation_loss"])


def loss_of(
    kind: Problem, training: Weighed, examples: Sequence[Any], labels: int
) -> Callable[[Any, Batch], Any]:
    """The loss of a batch: with smoothed labels or weights of classes, if these are chosen.

    Raises:
        StageError: these are chosen, and the problem has a loss of its own.
    """
    balanced, problem_type = training.class_weights == "balanced", kind.HEAD.problem_type
    if not training.label_smoothing and not balanced:
        return kind.loss
    if kind.loss is not defaults.loss and not kind.SMOOTHS:
        raise StageError(
            "label_smoothing and class_weights are of cross-entropy, and the problem has a loss of "
            "its own; accepted: label_smoothing 0 with class_weights none"
        )
    weights = balanced_weights(examples, problem_type, labels) if balanced else None
    return ClassLoss(problem_type, training.label_smoothing, weights)


def optimization(training: FineTuning | ImageTuning, steps: int, seed: int) -> Optimization:
    """How to train, from the fields of the experiment."""
    return Optimization.of(training, log_every=max(1, steps // LOGS), seed=seed)


def require_matrices(model: Any, training: FineTuning | ImageTuning) -> None:
    """Check that Muon has matrices to train, if it is the optimizer.

    Raises:
        StageError: it has none: all that learns of the layers are convolutions.
    """
    if training.optimizer == "muon" and not matrices_of_layers(model):
        raise StageError(
            "optimizer is muon, but no matrix of a layer learns; accepted with this model: adamw"
        )


def labels_in(batch: Batch) -> dict[str, int]:
    """The count that the loss is a mean over: the rows, or the words, that have a label."""
    return {"loss": int((batch["labels"] != NO_LABEL).sum())}


def last_points(history: TrainingHistory, kind: Problem) -> dict[str, float]:
    """The end of the training, as metrics of the stage."""
    metrics = {"steps": history.steps, "train_loss": history.curve("loss")[1][-1]}
    for name in ("validation_loss", f"validation_{kind.HEADLINE}"):
        metrics[name] = history.validated(name)
    return metrics
