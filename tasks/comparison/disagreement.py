"""The test rows that runs answer most differently: where to look first.

Rows that runs answer differently come before those that they answer alike, more or less surely.
Where a row has one answer, runs disagree by the probability that they give to the right one. Where
it has many (a tag for each word), by how many entities each gets wrong: those that it misses plus
those that it makes up. Of equals, those come first on which the losses are furthest apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.comparison.answers import Answered


@dataclass(frozen=True)
class Answer:
    """What one run answers on a row; `score` says in words how good that is."""

    run: str
    text: str
    right: bool
    score: str


@dataclass(frozen=True)
class Disagreement:
    """A row of the test and what each run answers.

    Attributes:
        document: where the row is from.
        text: what the models read.
        truth: the right answer.
        apart: how far the runs are from each other.
    """

    document: str
    text: str
    truth: str
    apart: float
    answers: list[Answer]


def most_disputed(answers: Mapping[str, Answered], most: int) -> list[Disagreement]:
    """The rows on which the runs disagree most; none on which they do not.

    Args:
        answers: of runs that answered the same rows, by label.
        most: how many rows at most.
    """
    if len(answers) < 2 or most < 1:
        return []
    scores = np.stack([badness(each.table) for each in answers.values()])
    losses = np.stack([mean_losses(each.table) for each in answers.values()])
    apart = np.ptp(scores, axis=0)
    alike = ~differing([each.table for each in answers.values()])
    order = np.lexsort((-np.ptp(losses, axis=0), -apart.round(9), alike))
    rows = [int(i) for i in order[:most] if apart[i] > 0]
    return [_dispute(answers, row, float(apart[row])) for row in rows]


def differing(tables: Sequence[pd.DataFrame]) -> NDArray[np.bool_]:
    """Which rows are not answered alike by all."""
    answered = [[str(answer) for answer in table["predicted"]] for table in tables]
    return np.array([len(set(row)) > 1 for row in zip(*answered, strict=True)], bool)


def badness(table: pd.DataFrame) -> NDArray[np.float64]:
    """How wrong each row is: 1 - probability of the right label, or the number of errors."""
    if is_tagged(table):
        pairs = zip(table["gold"], table["predicted"], strict=True)
        return np.array([float(len(entities(g) ^ entities(p))) for g, p in pairs])
    return 1 - np.exp(-table["loss"].to_numpy(dtype=np.float64))


def mean_losses(table: pd.DataFrame) -> NDArray[np.float64]:
    """The loss of each row; the mean over its words where it has several that were seen."""
    return np.array([_mean(loss) for loss in table["loss"]])


def _mean(loss: Any) -> float:
    values = np.atleast_1d(np.asarray(loss, dtype=np.float64))
    seen = values[~np.isnan(values)]
    return float(seen.mean()) if len(seen) else 0.0


def is_tagged(table: pd.DataFrame) -> bool:
    """Whether a row has many answers: a tag for each word."""
    return len(table) > 0 and not isinstance(table["gold"].iloc[0], str)


def entities(tags: Any) -> set[tuple[str, int, int]]:
    """The entities that tags spell: type, first and last word."""
    from seqeval.metrics.sequence_labeling import get_entities

    return set(get_entities(list(tags)))


def _dispute(answers: Mapping[str, Answered], row: int, apart: float) -> Disagreement:
    """A row with all answers."""
    tables = {label: each.table for label, each in answers.items()}
    column = next(iter(answers.values())).input
    first = next(iter(tables.values())).iloc[row]
    if is_tagged(next(iter(tables.values()))):
        words = [str(word) for word in first[column]]
        text, truth = " ".join(words), _spelled(first["gold"], words)
        told = [_tagged(label, table.iloc[row], words) for label, table in tables.items()]
    else:
        text, truth = str(first[column]), str(first["gold"])
        told = [_labelled(label, table.iloc[row]) for label, table in tables.items()]
    return Disagreement(str(first["document"]), text, truth, apart, told)


def _labelled(label: str, row: Any) -> Answer:
    share = float(np.exp(-row["loss"]))
    right = bool(row["gold"] == row["predicted"])
    score = f"{row['probability']:.1%} sure"
    if not right:
        score += f", {share:.1%} for the truth"
    return Answer(label, str(row["predicted"]), right, score)


def _tagged(label: str, row: Any, words: list[str]) -> Answer:
    true, found = entities(row["gold"]), entities(row["predicted"])
    missed, invented = len(true - found), len(found - true)
    score = f"{missed} missed, {invented} made up" if missed or invented else "no error"
    return Answer(label, _spelled(row["predicted"], words), true == found, score)


def _spelled(tags: Any, words: list[str]) -> str:
    """`ANIMAL: cat · PLACE: Paris`; `none` where there is no entity."""
    found = sorted(entities(tags), key=lambda entity: entity[1])
    spelled = [f"{kind}: {' '.join(words[start : end + 1])}" for kind, start, end in found]
    return " · ".join(spelled) or "none"
