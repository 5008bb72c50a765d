"""The objectives of pre-training: one module per objective, which defines it completely.

An objective `a+b` is the module `tasks.objectives.a_b` with the names of `Objective`. No other code
depends on which objective it is.

To add one: write `NAME.py` with the names of `Objective`. Import heavy libraries (torch,
transformers) inside functions, since plans read these files.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
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
        HEADS: The heads that the model needs, by the names in `HEADS` of a family. Plans read this
            and those below from the source: tuples of words.
        FIELDS: The fields of `pretraining` that count only with some objectives, including this.
        _STORED: With "head" if models are stored with all that `evaluation.forgetting` measures.
        TASK: The task of the `pipeline` of `transformers` for the model.
        METRICS: The metrics of a trained model, by name; `validation_loss` is first.
        TRAINING_LOSS: The loss drawn beside `validation_loss`, of the same kind.
        REFERENCE: The reference for both: its name in the figure, and a metric.
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
        """Initialize a new model from the corpus before its first step."""

    def examples(self, corpus: EncodedCorpus, vocabulary: Vocabulary, drawing: Drawing) -> Examples:
        """The examples of a corpus. Raises a StageError if it has none."""

    def stored_model(self, model: Any) -> Any:
        """The model that is stored: all of it, or what fine-tuning begins with."""

    def stored_tokenizer(self, tokenizer: Any) -> Any:
        """The tokenizer that is stored with the model, made from that of the corpus.

        It gives a text, with special tokens around it, as the model has read texts in training.
        """

    def losses(self, model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """The `loss` of a batch to minimize, and its parts by name."""

    def split(self, batch: Batch, rows: int) -> list[Batch]:
        """A batch in parts of at most `rows` rows, in order."""

    def counts(self, batch: Batch) -> dict[str, int]:
        """The addends of `loss`, and the count that each is a mean over in a batch."""

    def encoders(self, config: Any) -> Sequence[Any]:
        """The configurations of the encoders that a batch passes through, from the model's."""

    def head(self, config: Any, batch: Batch) -> list[Product]:
        """The matrix products of all but the encoders, for a batch."""

    def held(self, config: Any, batch: Batch) -> list[Product]:
        """Those of them whose results are in memory at the same time."""

    def measure(self, model: nn.Module, batch: Batch) -> dict[str, tuple[float, int]]:
        """Metrics of a batch as a sum and a count, to be added up over batches."""

    def derive(
        self,
        measured: Mapping[str, float],
        train: EncodedCorpus,
        held_out: EncodedCorpus,
        vocabulary: Vocabulary,
    ) -> dict[str, float]:
        """Further metrics: derived from the measured ones, and those of the reference."""

    def demonstrate(self, model: Any, tokenizer: Any, held_out: EncodedCorpus) -> Demonstration:
        """Examples of the model's output on held-out text."""


def metrics() -> dict[str, Metric]:
    """The metrics of all objectives, by name."""
    found: dict[str, Metric] = {}
    for name in names():
        found |= load(name).METRICS
    return found


def references() -> frozenset[str]:
    """The metrics that models are compared with, of all objectives: they rank no model."""
    return frozenset(load(name).REFERENCE[1] for name in names())


def names() -> tuple[str, ...]:
    """The names of all objectives, as an experiment writes them: `mlm+nsp`."""
    return choices.names("objectives")


def module_of(objective: str) -> str:
    """The module that describes an objective."""
    return f"{__name__}.{objective.replace('+', '_')}"


def load(objective: str) -> Objective:
    """Import an objective by its name in the experiment, such as `mlm+nsp`."""
    return cast(Objective, importlib.import_module(module_of(objective)))
