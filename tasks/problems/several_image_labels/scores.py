"""The metrics of several image labels: those of several labels of texts."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from tasks.problems import Described
from tasks.problems.several_labels import scores as of_texts
from tasks.problems.several_labels.scores import (
    confusion,
    errors,
    part_scores,
    report,
    score,
)

__all__ = ["confusion", "describe", "errors", "majority", "part_scores", "report", "score"]


def majority(train: pd.DataFrame, test: pd.DataFrame) -> list[list[str]]:
    """As of texts; the labels of the training pictures are JSON, as they are stored."""
    return of_texts.majority(pd.DataFrame({"label": train["label"].map(json.loads)}), test)


def describe(answer: Any) -> Described:
    """The name of the picture, the labels, and how many are missed or made up."""
    named = {"text": answer["image"], "gold": answer["gold"], "predicted": answer["predicted"]}
    return of_texts.describe(named)
