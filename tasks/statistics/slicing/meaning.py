"""Whether a metric depends on the answers at all, on some rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from tasks.problems import Problem
from tasks.statistics.slicing.slices import Mask, Slice


def have_meaning(
    kind: Problem, table: pd.DataFrame, labels: Sequence[str], slices: Sequence[Slice]
) -> list[bool]:
    """Whether the headline metric of each slice, and of the rows beside it, depends on the answers.

    Where all rows have the same answer, a correlation is 0 whatever is answered; so is F1 where no
    row has an entity. Even the truth as the answer does not score there as it does on all rows.

    Args:
        kind: the problem.
        table: the answers to all rows: gold, predicted.
        labels: the possible answers.
        slices: what to look at.
    """
    if not all(_is_answer(value, labels) for value in table["gold"]):
        return [True] * len(slices)  # such as boxes, which are written otherwise than answers

    def best(rows: Mask) -> float:
        truth = table["gold"][rows]
        scores = kind.score(truth, truth, labels)
        return float(scores.measure(np.ones((1, scores.rows)))[kind.HEADLINE][0])

    whole = best(np.ones(len(table), dtype=bool))
    return [
        all(
            math.isclose(best(rows), whole, abs_tol=1e-9)
            for rows in (each.rows, ~each.rows)
            if rows.any()
        )
        for each in slices
    ]


def _is_answer(value: Any, labels: Sequence[str]) -> bool:
    """Whether a truth is a number, a label or several labels: then it may be an answer too."""
    if isinstance(value, list | tuple | np.ndarray):
        return all(item in labels for item in value)
    return isinstance(value, float | int | np.number) or value in labels
