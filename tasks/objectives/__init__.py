"""What pre-training can learn: one module an objective, which says everything about it.

An objective `a+b` is the module `tasks.objectives.a_b` with the names of `Objective` in it. Nothing
else in the tree asks which objective it is.

To add one: write `NAME.py` with the names of `Objective`. What is heavy (torch, transformers) is
imported inside of functions: plans read these files.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, cast

from tasks.experiment import choices

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tasks.data.results import Demonstration, Metric
    from tasks.data.text.drawing import Drawing, Examples
    from tasks.data.text.token_arrays import EncodedCorpus
    from tasks.data.text.vocabulary import Vocabulary
    from tasks.training.flops import Product
    from tasks.training.microbatches import Batch


class Objective(Protocol):
    """The names in the module of an objective.

    Attributes:
        HEADS: The heads that the model must have, as `HEADS` of a family names them. Plans read
            this and `FIELDS` from the source: tuples of words.
        FIELDS: The fields of `pretraining` that count with some objectives alone, this one too.
        TASK: What `pipeline` of `transformers` does with the model.
        METRICS: What is known of a trained model, by name, for people; `validation_loss` is first.
        TRAINING_LOSS: The loss that is drawn beside `validation_loss`, as it is the same in kind.
        REFERENCE: What both are compared with: its name in the figure, and a metric.
    """

    HEADS: tuple[str, ...]
    FIELDS: tuple[str, ...]
    TASK: str
    METRICS: Mapping[str, Metric]
    TRAINING_LOSS: str
    REFERENCE: tuple[str, str]

    def new_model(self, config: Any, seed: int) -> Any:
        """A model of `transformers` with random weights."""

    def begin(self, model: Any, corpus: EncodedCorpus, vocabulary: Vocabulary) -> None:
        """Give a new model what it may know of the corpus before its first step."""

    def examples(self, corpus: EncodedCorpus, vocabulary: Vocabulary, drawing: Drawing) -> Examples:
        """The examples of a corpus. Raises a StageError where it has none."""

    def losses(self, model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """The `loss` of a batch to minimize, and its parts by name."""

    def split(self, batch: Batch, rows: int) -> list[Batch]:
        """A batch in parts of `rows` rows at most, in their order."""

    def counts(self, batch: Batch) -> dict[str, int]:
        """The losses that `loss` is the sum of, and what each is a mean over in a batch."""

    def head(self, config: Any, batch: Batch) -> list[Product]:
        """The matrix products behind the encoder, with a batch."""

    def measure(self, model: nn.Module, batch: Batch) -> dict[str, tuple[float, int]]:
        """Metrics of a batch as a sum and a count, to be added up over batches."""

    def derive(
        self,
        measured: Mapping[str, float],
        train: EncodedCorpus,
        held_out: EncodedCorpus,
        vocabulary: Vocabulary,
    ) -> dict[str, float]:
        """Further metrics: from those measured, and of what they are compared with."""

    def demonstrate(self, model: Any, tokenizer: Any, held_out: EncodedCorpus) -> Demonstration:
        """What the model makes of held-out text."""


def metrics() -> dict[str, Metric]:
    """The metrics of all objectives, by name."""
    found: dict[str, Metric] = {}
    for name in names():
        found |= load(name).METRICS
    return found


def names() -> tuple[str, ...]:
    """The names of all objectives, as an experiment writes them: `mlm+nsp`."""
    return choices.names("objectives")


def module_of(objective: str) -> str:
    """The module that describes an objective."""
    return f"{__name__}.{objective.replace('+', '_')}"


def load(objective: str) -> Objective:
    """Import an objective by its name in the experiment, such as `mlm+nsp`."""
    return cast(Objective, importlib.import_module(module_of(objective)))
