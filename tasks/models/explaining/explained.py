"""What a problem says of its answers, so that they can be explained: its `explained.py`.

It imports heavy libraries inside functions, since plans read it.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, cast

from tasks.contract import StageError
from tasks.experiment import choices
from tasks.problems import part_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from tasks.models.explaining.subject import RowInParts, Subject
    from tasks.problems import Problem

PART = "explained"


class Explained(Protocol):
    """The names in the `explained.py` of a problem.

    Attributes:
        PARTS: The module that takes its rows apart, with the function `subject_of`.
        SCORE: What is explained, for people: `log-odds of the answer`.
        PROBABLE: Whether the score is the log-odds of an answer; else it is a number.
    """

    PARTS: str
    SCORE: str
    PROBABLE: bool

    def scores(self, logits: Tensor) -> Tensor:
        """The score of each possible answer: shape (rows, answers), or (rows, words, answers)."""

    def answer(self, scores: NDArray[np.float64], gold: Any, labels: Sequence[str]) -> int:
        """Which answer is explained, from the scores of all; `gold` is None if it is unknown."""

    def direction(self, score: float, blank: float) -> int:
        """1; or -1 where the answer is that the score is low, such as below that of a blank row."""

    def words(self, labels: Sequence[str], answer: int, direction: int) -> str:
        """The answer that is explained, for people."""


def explainable() -> tuple[str, ...]:
    """The problems whose answers can be explained."""
    return choices.explainable()


def load_explained(problem: str) -> Explained:
    """Import what a problem says of its answers.

    Raises:
        StageError: it says nothing.
    """
    if problem not in explainable():
        raise StageError(
            f"the answers of {problem} cannot be explained; accepted: a model for "
            f"{', '.join(explainable())}"
        )
    return cast(Explained, importlib.import_module(part_of(problem, PART)))


def modules_of_explained(problem: str) -> tuple[str, ...]:
    """The modules that `load_explained` and `subject_of` import."""
    return (part_of(problem, PART), load_explained(problem).PARTS)


def answer_of(explained: Explained, labels: Sequence[str], row: RowInParts) -> str:
    """The answer that is explained, and which part of the row it is of: `B-PLACE: Oslo`."""
    words = explained.words(labels, row.answer, row.direction)
    return f"{words}: {row.about}" if row.about else words


def in_one(text: Any) -> str:
    """A text; or words as one, with blanks between them."""
    return text if isinstance(text, str) else " ".join(map(str, text))


def subject_of(kind: Problem, explained: Explained, model: Any, reader: Any) -> Subject:
    """A model for a problem, whose rows are taken apart as the problem says."""
    module = importlib.import_module(explained.PARTS)
    return cast("Subject", module.subject_of(kind, explained, model, reader))
