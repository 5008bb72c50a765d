"""Why a text has a label, or lacks it: the log-odds of one label.

That is the label which is answered most surely; of a row with mistakes, the surest wrong one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

PARTS = "tasks.models.explaining.words"
SCORE = "log-odds of the label"
PROBABLE = True


def scores(logits: Tensor) -> Tensor:
    """The log-odds of each label, in nats."""
    return logits


def answer(scores: NDArray[np.float64], gold: Any, labels: Sequence[str]) -> int:
    """The surest wrong label, if any is wrong; else the likeliest."""
    if gold is not None:
        true = {*gold}
        wrong = [i for i, score in enumerate(scores) if (labels[i] in true) != (score > 0)]
        if wrong:
            return max(wrong, key=lambda i: abs(scores[i]))
    return int(scores.argmax())


def direction(score: float, blank: float) -> int:
    """Whether the label is answered."""
    return 1 if score > 0 else -1


def words(labels: Sequence[str], answer: int, direction: int) -> str:
    """The label, or that it is not answered."""
    return labels[answer] if direction > 0 else f"not {labels[answer]}"
