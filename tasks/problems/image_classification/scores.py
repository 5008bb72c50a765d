"""The metrics of image classification that answers and truths determine: those of texts."""

from __future__ import annotations

from typing import Any

import numpy as np

from tasks.problems import Described
from tasks.problems.text_classification.scores import (
    confusion,
    errors,
    majority,
    part_scores,
    report,
    score,
)

__all__ = ["confusion", "describe", "errors", "majority", "part_scores", "report", "score"]


def describe(answer: Any) -> Described:
    """The name of the picture, the labels, and how sure the answer is."""
    right = bool(answer["gold"] == answer["predicted"])
    sure = f"{answer['probability']:.1%} sure"
    if not right:
        sure += f", {float(np.exp(-answer['loss'])):.1%} for the truth"
    return Described(
        str(answer["image"]), str(answer["gold"]), str(answer["predicted"]), right, sure
    )
