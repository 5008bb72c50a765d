"""The objectives of pre-training on pictures: one module per objective.

To add one: write `NAME.py` with the names of `ImageObjective`. Import heavy libraries (torch,
transformers) inside functions, since plans read these files. `tests/objectives` checks every one.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, cast

from tasks.experiment import choices

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tasks.data.images.examples import ImageExamples
    from tasks.data.images.pixel_arrays import Pictures
    from tasks.data.results import Metric
    from tasks.experiment.images.training import ImagePretraining
    from tasks.training.microbatches import Batch


class ImageObjective(Protocol):
    """The names in the module of an objective.

    Attributes:
        HEADS: The heads that the model needs, by the names in `HEADS` of a family. Plans read this
            and `FIELDS` from the source: tuples of words.
        FIELDS: The fields of `pretraining` that count only with some objectives, including this.
        LABELLED: Whether the pictures need labels.
        TOGETHER: Whether a batch is compared within itself, so that it is computed at once.
        TASK: The task of the `pipeline` of `transformers` that serves the model that is stored;
            "" for none.
        METRICS: The metrics of a trained model, by name; `validation_loss` is first.
        TRAINING_LOSS: The loss drawn beside `validation_loss`, of the same kind.
        REFERENCE: The reference for both: its name in the figure, and a metric.
    """

    HEADS: tuple[str, ...]
    FIELDS: tuple[str, ...]
    LABELLED: bool
    TOGETHER: bool
    TASK: str
    METRICS: Mapping[str, Metric]
    TRAINING_LOSS: str
    REFERENCE: tuple[str, str]

    def new_model(self, config: Any, seed: int, labels: Sequence[str]) -> Any:
        """A model of `transformers` with random weights, for pictures with these labels."""

    def examples(
        self, pictures: Pictures, pretraining: ImagePretraining, seed: int, *, varied: bool
    ) -> ImageExamples:
        """The examples of stored pictures: augmented if they are `varied`."""

    def stored_model(self, model: Any) -> Any:
        """The model that is stored: all of it, or what fine-tuning begins with."""

    def losses(self, model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """The `loss` of a batch to minimize, and its parts by name."""

    def counts(self, batch: Batch) -> dict[str, int]:
        """The addends of `loss`, and the count that each is a mean over in a batch."""

    def measure(self, model: nn.Module, batch: Batch) -> dict[str, tuple[float, int]]:
        """Metrics of a batch as a sum and a count, to be added up over batches."""

    def derive(
        self, measured: Mapping[str, float], train: Pictures, held_out: Pictures
    ) -> dict[str, float]:
        """Further metrics: derived from the measured ones, and those of the reference."""


def metrics() -> dict[str, Metric]:
    """The metrics of all objectives on pictures, by name."""
    found: dict[str, Metric] = {}
    for name in names():
        found |= load(name).METRICS
    return found


def references() -> frozenset[str]:
    """The metrics that models are compared with, of all objectives: they rank no model."""
    return frozenset(load(name).REFERENCE[1] for name in names())


def names() -> tuple[str, ...]:
    """The names of all objectives, as an experiment writes them: `classification`."""
    return choices.names("objectives/images")


def module_of(objective: str) -> str:
    """The module that describes an objective."""
    return f"{__name__}.{objective.replace('-', '_')}"


def load(objective: str) -> ImageObjective:
    """Import an objective by its name in the experiment."""
    return cast(ImageObjective, importlib.import_module(module_of(objective)))
