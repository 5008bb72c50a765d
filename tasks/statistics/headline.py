"""The headline metric of answers that are stored, also over resamples of their documents."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from tasks.problems import Problem
from tasks.problems.weighted import Floats, on_all_rows
from tasks.statistics.bootstrap import Bootstrap


@dataclass(frozen=True)
class Headline:
    """The headline metric of one model.

    Attributes:
        value: on all rows.
        drawn: on each resample: shape (samples,).
        documents: how many the rows have.
    """

    value: float
    drawn: Floats
    documents: int


def read_answers(evaluation: Path) -> pd.DataFrame:
    """The rows of a test split with their truth (`gold`) and the answers of each model."""
    return pd.read_parquet(evaluation / "predictions.parquet")


def labels_in(*columns: Iterable[Any]) -> list[str]:
    """Every label in columns of truths and answers, of tags every tag, sorted; none of numbers."""
    found: set[str] = set()
    for column in columns:
        for value in column:
            if isinstance(value, str):
                found.add(value)
            elif isinstance(value, Iterable):
                found |= set(value)
    return sorted(found)


def labels_of(kind: Problem, table: pd.DataFrame, answers: str = "predicted") -> list[str]:
    """The labels that metrics of answers need: those that occur; none where there are no classes.

    They are not the classes of an evaluation, which of tags are the types of entities.
    """
    return labels_in(table["gold"], table[answers]) if kind.PARTS else []


def measure_headline(
    kind: Problem, table: pd.DataFrame, bootstrap: Bootstrap, answers: str = "predicted"
) -> Headline:
    """The headline metric of the answers in a column.

    Args:
        kind: the problem.
        table: of `read_answers`, or some of its rows.
        bootstrap: the resamples of the documents.
        answers: the column.
    """
    scores = kind.score(table["gold"], table[answers], labels_of(kind, table, answers))
    [drawn] = bootstrap.resample([scores], list(table["document"]))
    return Headline(
        on_all_rows(scores)[kind.HEADLINE], drawn[kind.HEADLINE], int(table["document"].nunique())
    )
