"""Why a text has its label: the log-odds of the label that is answered."""

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
    """The log-odds of each label against all others, in nats: of shape (…, labels), as given.

    A softmax says nothing of a single logit: the same number may be added to all of them.
    """
    import torch

    labels = logits.shape[-1]
    own = torch.eye(labels, dtype=torch.bool, device=logits.device)
    others = logits[..., None, :].masked_fill(own, -torch.inf)
    return logits - others.logsumexp(dim=-1)


def answer(scores: NDArray[np.float64], gold: Any, labels: Sequence[str]) -> int:
    """The label that is answered, right or wrong."""
    return int(scores.argmax())


def direction(score: float, blank: float) -> int:
    """The label is the answer."""
    return 1


def words(labels: Sequence[str], answer: int, direction: int) -> str:
    """The label."""
    return labels[answer]
