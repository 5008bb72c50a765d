"""The architectures of published models that bring a head of their own for a problem.

They are fine-tuned with that head and with the loss that transformers computes for it; they are
neither made new nor pre-trained here. To add one: write `NAME.py` with the names of
`PublishedFamily`. NAME is the `model_type` in transformers, with `_` for `-`. How such a head
answers is in `tasks/problems/published`, by the class of transformers, not by the family. Import
heavy libraries inside functions, since plans read these files; `tests/families` checks every one.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, Protocol, cast

from tasks.experiment import choices
from tasks.families import images


class PublishedFamily(Protocol):
    """The names in the module of a family; plans read the tuples of words from its source.

    Attributes:
        SOLVES: The problem that its head is for: one word.
        LIBRARIES: Distributions, beside those of training, that its loss computes with.
        FIELDS: The fields of a fine-tuning that count only with some families: "micro_batch_size"
            if the losses of the parts of a batch add up to that of the whole.

    Two facts are in no key: `_LAYERS`, with "no checkpointing" where transformers does not
    recompute layers; `_ALSO`, the further `model_type`s with the same interface.
    """

    SOLVES: tuple[str, ...]
    LIBRARIES: tuple[str, ...]
    FIELDS: tuple[str, ...]

    def sides(self, given: Mapping[str, Any]) -> tuple[int, int]:
        """What the side of a picture is a multiple of, and the smallest side, in pixels.

        Args:
            given: the configuration of the model, as its file has it.
        """

    def fit(self, given: dict[str, Any], size: int) -> None:
        """Change the configuration in place, so that pictures of `size` × `size` are read."""

    def dropout(self, probability: float) -> dict[str, float]:
        """The fields of a configuration that set the dropout of a model; empty if it has none."""


def names() -> tuple[str, ...]:
    """The names of all families."""
    return choices.names("families/published")


def of_type(model_type: str) -> str:
    """The family that describes the models of a type of transformers; "" for none."""
    given = model_type.replace("_", "-")
    found = (
        name
        for name in names()
        if given == name or model_type in choices.words_of("families/published", name, "_ALSO")
    )
    return next(found, "")


def problem_of(family: str) -> str:
    """The problem that the heads of a family are for; "" if it is none of these families."""
    if family not in names():
        return ""
    (problem,) = choices.words_of("families/published", family, "SOLVES")
    return problem


def libraries_of(family: str) -> tuple[str, ...]:
    """The distributions that the loss of a family computes with; none of any other family."""
    if family not in names():
        return ()
    return choices.words_of("families/published", family, "LIBRARIES")


def module_of(family: str) -> str:
    """The module that describes a family that reads pictures, of these or not."""
    if family not in names():
        return images.module_of(family)
    return f"{__name__}.{family.replace('-', '_')}"


def load(family: str) -> PublishedFamily:
    """Import a family that reads pictures, of these or not: all have `sides` and `dropout`."""
    return cast(PublishedFamily, importlib.import_module(module_of(family)))
