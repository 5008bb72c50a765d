"""Which architecture; one file a family.

To add one: write `NAME.py` with the names of `Family`. NAME is the `model_type` that transformers
gives it, with `_` for `-`. What is heavy is imported inside of functions: plans read these files.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Protocol, cast

from tasks.experiment import choices

if TYPE_CHECKING:
    from tasks.experiment.model import Model


class Family(Protocol):
    """The names in the module of a family.

    Attributes:
        HEADS: What its models in transformers have a head for in pre-training. Plans read it from
            the source: a tuple of words.
    """

    HEADS: tuple[str, ...]

    def configure(self, model: Model, tokenizer: Any, dropout: float) -> Any:
        """The configuration of an encoder that reads the tokens of a tokenizer."""

    def encoder_flops(self, config: Any, rows: int, length: int) -> float:
        """Operations of a forward pass through the encoder.

        Args:
            config: of the model.
            rows: sequences.
            length: tokens in each, with padding.
        """


def names() -> tuple[str, ...]:
    """The names of all families, as an experiment writes them: `bert`."""
    return choices.names("families")


def module_of(family: str) -> str:
    """The module that describes a family."""
    return f"{__name__}.{family.replace('-', '_')}"


def load(family: str) -> Family:
    """Import a family by its name."""
    return cast(Family, importlib.import_module(module_of(family)))
