"""The test rows on which runs disagree most.

Rows with different answers come before rows with equal answers of different confidence. Runs
disagree by how wrong each answer is, which the problem measures: for a label by the probability of
the correct one, for tags by the missed and the spurious entities. Ties are ordered by the
difference of the losses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.comparison.answers import Answered

if TYPE_CHECKING:
    from tasks.problems import Problem


@dataclass(frozen=True)
class Answer:
    """The answer of one run to a row; `score` is its quality as text."""

    run: str
    text: str
    right: bool
    score: str


@dataclass(frozen=True)
class Disagreement:
    """A test row and the answer of each run.

    Attributes:
        document: the document of the row.
        text: the models' input.
        truth: the correct answer.
        apart: how much the runs disagree.
    """

    document: str
    text: str
    truth: str
    apart: float
    answers: list[Answer]


def most_disputed(kind: Problem, answers: Mapping[str, Answered], most: int) -> list[Disagreement]:
    """The rows on which the runs disagree most, without those on which they agree.

    Args:
        kind: the problem.
        answers: of runs that answered the same rows, by label.
        most: the largest number of rows.
    """
    if len(answers) < 2 or most < 1:
        return []
    scores = np.stack([kind.errors(each.table) for each in answers.values()])
    losses = np.stack([mean_losses(each.table) for each in answers.values()])
    apart = np.ptp(scores, axis=0)
    alike = ~differing([each.table for each in answers.values()])
    order = np.lexsort((-np.ptp(losses, axis=0), -apart.round(9), alike))
    rows = [int(i) for i in order[:most] if apart[i] > 0]
    return [_dispute(kind, answers, row, float(apart[row])) for row in rows]


def differing(tables: Sequence[pd.DataFrame]) -> NDArray[np.bool_]:
    """Which rows have different answers."""
    answered = [[str(answer) for answer in table["predicted"]] for table in tables]
    return np.array([len(set(row)) > 1 for row in zip(*answered, strict=True)], bool)


def mean_losses(table: pd.DataFrame) -> NDArray[np.float64]:
    """The loss of each row; the mean over its seen words if it has several."""
    return np.array([_mean(loss) for loss in table["loss"]])


def _mean(loss: Any) -> float:
    values = np.atleast_1d(np.asarray(loss, dtype=np.float64))
    seen = values[~np.isnan(values)]
    return float(seen.mean()) if len(seen) else 0.0


def _dispute(
    kind: Problem, answers: Mapping[str, Answered], row: int, apart: float
) -> Disagreement:
    """A row with all answers."""
    rows = {label: each.table.iloc[row] for label, each in answers.items()}
    found = {label: kind.describe(each) for label, each in rows.items()}
    first, document = next(iter(found.values())), next(iter(rows.values()))["document"]
    given = [
        Answer(label, each.answer, bool(each.right), each.score) for label, each in found.items()
    ]
    return Disagreement(str(document), first.text, first.truth, apart, given)
