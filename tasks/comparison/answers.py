"""The answers of several models to the same test rows, matched by content, not by name.

The rows of two evaluations are the same if document, input and true answer are, in any order. Only
then is a paired test possible.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from tasks.machinery.naming.metric_name import FROM_SCRATCH
from tasks.problems import described
from tasks.problems.weighted import on_all_rows
from tasks.statistics.bootstrap import Bootstrap, documents_of
from tasks.statistics.significance import Difference, differences, least_p, samples_for

if TYPE_CHECKING:
    from tasks.problems import Problem


@dataclass(frozen=True)
class Answered:
    """The answers of a model to a test split.

    Attributes:
        problem: the problem, such as `text-classification`.
        table: rows in an order that depends only on their content: `document`, the input, `gold`,
            `predicted`, `probability`, `loss`.
        digest: of the rows without the answers: equal if the test rows are.
    """

    problem: str
    table: pd.DataFrame
    digest: str

    @property
    def input(self) -> str:
        """The column with the model's input."""
        return described(self.problem).INPUT


def read_answers(file: Path, problem: str) -> Answered:
    """The answers of an evaluation's `predictions.parquet`, without those from scratch."""
    table = pd.read_parquet(file)
    table = table[[name for name in table.columns if not name.startswith(f"{FROM_SCRATCH}_")]]
    names = ["document", described(problem).INPUT, "gold"]
    rows = [
        hashlib.sha256(
            json.dumps([_plain(value) for value in row], ensure_ascii=False).encode()
        ).hexdigest()
        for row in table[names].itertuples(index=False)
    ]
    order = np.argsort(np.asarray(rows), kind="stable")
    digest = hashlib.sha256("".join(rows[i] for i in order).encode()).hexdigest()[:16]
    return Answered(problem, table.iloc[order].reset_index(drop=True), digest)


def _plain(value: Any) -> Any:
    """A cell as a JSON value."""
    if isinstance(value, np.ndarray):
        return [str(each) for each in value]
    return str(value)


def sharing(answers: Mapping[str, Answered]) -> list[list[str]]:
    """The labels of the runs in groups that have the same problem and the same test rows."""
    groups: dict[tuple[str, str], list[str]] = {}
    for label, each in answers.items():
        groups.setdefault((each.problem, each.digest), []).append(label)
    return list(groups.values())


def labels_of(answers: Sequence[Answered]) -> list[str]:
    """Every label that is true or answered somewhere, of tags every tag; none of numbers."""
    found: set[str] = set()
    for each in answers:
        for column in ("gold", "predicted"):
            for value in each.table[column]:
                if isinstance(value, str):
                    found.add(value)
                elif isinstance(value, Iterable):
                    found |= set(value)
    return sorted(found)


def compare_answers(
    kind: Problem, answers: Mapping[str, Answered], *, confidence: float, seed: int = 0
) -> list[Difference]:
    """The headline metric of all pairs of runs that answered the same rows, paired by document."""
    labels = labels_of(list(answers.values()))
    first = next(iter(answers.values())).table
    scores = {
        name: kind.score(each.table["gold"], each.table["predicted"], labels)
        for name, each in answers.items()
    }
    documents = list(first["document"])
    _, number = documents_of(documents)
    bootstrap = Bootstrap(samples_for(number), confidence, seed)
    drawn = bootstrap.resample(list(scores.values()), documents)
    headline = kind.HEADLINE
    found = differences(
        {name: on_all_rows(each)[headline] for name, each in scores.items()},
        {name: values[headline] for name, values in zip(scores, drawn, strict=True)},
        number,
        bootstrap,
        sign=kind.METRICS[headline].sign,
    )
    least = {
        (each.first, each.second): least_p(scores[each.first], scores[each.second], documents)
        for each in found
    }
    return [replace(each, p=max(each.p, least[each.first, each.second])) for each in found]
