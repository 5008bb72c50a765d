"""Ways of explaining an answer of a model: how much each part of a row speaks for it; a file each.

A method `a-b` is the module `tasks.explanations.a_b` with the names of `Method`. Parts are words of
a text, or regions of a picture: a problem says which in its `explained.py`. No method is believed:
stage `explanation` measures each one (tasks/models/explaining/checks.py).

To add one: write `NAME.py` with the names of `Method`. It is found by its file. Import heavy
libraries inside functions, since plans read these files.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, cast

from tasks.experiment import choices

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tasks.models.explaining.subject import RowInParts, Subject


class Method(Protocol):
    """The names in the module of a method.

    Attributes:
        NEEDS: Words for what it needs of a model: `attention`, or none. Plans read both tuples of
            words from the source.
        LIBRARIES: Distributions, beside those of inference, that it computes with.
        WORDS: What it is, for people, with its paper.
        COMPLETE: Whether its attributions are to add up to the score without that of the blank row.
    """

    NEEDS: tuple[str, ...]
    LIBRARIES: tuple[str, ...]
    WORDS: str
    COMPLETE: bool

    def attribute(self, subject: Subject, row: RowInParts) -> NDArray[np.float64]:
        """How much each part of a row raises the score that is explained: shape (parts,).

        Raises:
            StageError: the model lacks what the method needs.
        """


def module_of(method: str) -> str:
    """The module of a method."""
    return f"{__name__}.{method.replace('-', '_')}"


def libraries_of(methods: Sequence[str]) -> tuple[str, ...]:
    """The distributions that some methods compute with, beside those of inference."""
    found = (choices.words_of("explanations", each, "LIBRARIES") for each in methods)
    return tuple(dict.fromkeys(name for names in found for name in names))


def load(method: str) -> Method:
    """Import a method by its name in the experiment, such as `integrated-gradients`."""
    return cast(Method, importlib.import_module(module_of(method)))
