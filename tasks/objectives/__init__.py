"""What pre-training can learn: one module an objective, which says everything about it.

An objective `a+b` is the module `tasks.objectives.a_b` with the names of `Objective` in it. Nothing
else in the tree asks which objective it is. This file imports nothing heavy: plans read it.

To add one: write `NAME.py` with the names of `Objective`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Protocol, cast

from tasks.experiment import choices

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tasks.data.text.drawing import Drawing, Examples
    from tasks.data.text.token_arrays import EncodedCorpus
    from tasks.data.text.vocabulary import Vocabulary
    from tasks.training.flops import Product


class Objective(Protocol):
    """The names in the module of an objective.

    Attributes:
        AUTO_MODEL: The class of `transformers` that makes the model.
        HEADS: The heads that the model must have, as `HEADS` of a family names them. Plans read
            this and `FIELDS` from the source: tuples of words.
        FIELDS: The fields of `pretraining` that count with some objectives alone, this one too.
    """

    AUTO_MODEL: Any
    HEADS: tuple[str, ...]
    FIELDS: tuple[str, ...]

    def examples(self, corpus: EncodedCorpus, vocabulary: Vocabulary, drawing: Drawing) -> Examples:
        """The examples of a corpus. Raises a StageError where it has none."""

    def losses(self, model: nn.Module, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """The `loss` of a batch to minimize, and its parts by name."""

    def split(self, batch: dict[str, Tensor], rows: int) -> list[dict[str, Tensor]]:
        """A batch in parts of `rows` rows at most, in their order."""

    def counts(self, batch: dict[str, Tensor]) -> dict[str, int]:
        """The losses that `loss` is the sum of, and what each is a mean over in a batch."""

    def head(self, config: Any, batch: dict[str, Tensor]) -> list[Product]:
        """The matrix products behind the encoder, with a batch."""

    def measure(self, model: nn.Module, batch: dict[str, Tensor]) -> dict[str, tuple[float, int]]:
        """Metrics of a batch as a sum and a count, to be added up over batches."""


def names() -> tuple[str, ...]:
    """The names of all objectives, as an experiment writes them: `mlm+nsp`."""
    return choices.names("objectives")


def module_of(objective: str) -> str:
    """The module that describes an objective."""
    return f"{__name__}.{objective.replace('+', '_')}"


def load(objective: str) -> Objective:
    """Import an objective by its name in the experiment, such as `mlm+nsp`."""
    return cast(Objective, importlib.import_module(module_of(objective)))
