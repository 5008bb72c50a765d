"""Why a text has its number: the number itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

PARTS = "tasks.models.explaining.words"
SCORE = "number"
PROBABLE = False


def scores(logits: Tensor) -> Tensor:
    """The number, in the unit of the rows."""
    return logits


def answer(scores: NDArray[np.float64], gold: Any, labels: Sequence[str]) -> int:
    """The only one."""
    return 0


def direction(score: float, blank: float) -> int:
    """Whether the number is above that of a blank text."""
    return 1 if score >= blank else -1


def words(labels: Sequence[str], answer: int, direction: int) -> str:
    """Above or below the number of a blank text."""
    return "high" if direction > 0 else "low"
