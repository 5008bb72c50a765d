"""Why a question has its answer: the log-odds of its first and last token together.

Answers are numbers: 0 that there is none in the text, 1 the part of the text that is answered.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tasks.problems.text_classification.explained import answer, direction

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["answer", "direction"]

PARTS = "tasks.models.explaining.answered_text"
SCORE = "log-odds of the answer"
PROBABLE = True


def scores(logits: Tensor) -> Tensor:
    """The log-odds of each answer, in nats: of shape (rows, answers).

    With p and q the probabilities of both tokens, that of the answer is pq, and without it
    (1 - p) + p(1 - q).

    Args:
        logits: the log-odds of its first and of its last token: of shape (rows, answers, 2).
    """
    from torch.nn.functional import logsigmoid

    first, last = logits.unbind(-1)
    without = logsigmoid(-first).logaddexp(logsigmoid(first) + logsigmoid(-last))
    return logsigmoid(first) + logsigmoid(last) - without


def words(labels: Sequence[str], answer: int, direction: int) -> str:
    """Whether there is an answer."""
    return "an answer" if answer else "no answer"
