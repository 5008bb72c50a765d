"""The answers of several models to the same test rows, matched by content, not by name.

The rows of two evaluations are the same if document, inputs and true answer are, in any order. Only
then is a paired test possible.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.machinery.naming.metric_name import REFERENCES
from tasks.problems import described
from tasks.problems.weighted import on_all_rows
from tasks.statistics.bootstrap import Bootstrap, documents_of
from tasks.statistics.headline import labels_in
from tasks.statistics.significance import Difference, differences, least_p, samples_for

if TYPE_CHECKING:
    from tasks.problems import Problem


@dataclass(frozen=True)
class Answered:
    """The answers of a model to a test split.

    Attributes:
        problem: the problem, such as `text-classification`.
        table: rows in an order that depends only on their content: `document`, inputs, `gold`,
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
    """The answers in an evaluation's `predictions.parquet`, of the evaluated model alone."""
    table = pd.read_parquet(file)
    others = tuple(f"{model}_" for model in REFERENCES)
    table = table[[name for name in table.columns if not name.startswith(others)]]
    names = list(table.columns)
    names = names[: names.index("gold") + 1]  # the document and the inputs before it
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
    columns = [each.table[column] for each in answers for column in ("gold", "predicted")]
    return labels_in(*columns)


def compare_answers(
    kind: Problem,
    answers: Mapping[str, Answered],
    settings: Sequence[Sequence[str]],
    *,
    confidence: float,
    seed: int = 0,
) -> list[Difference]:
    """The headline metric of all pairs of settings, paired by document.

    A setting with several seeds is worth their mean. Each resample of the documents then draws from
    its seeds too, with replacement (Bouthillier et al. 2021, "Accounting for variance in machine
    learning benchmarks", MLSys). Of few seeds this is too sure, so p is at least that of the exact
    permutation test of the seeds (Pitman 1937, "Significance tests which may be applied to samples
    from any populations", JRSS Suppl. 4): of n and m runs, 2 / C(n + m, n).

    Args:
        kind: the problem.
        answers: of each run, to the same rows, by its label.
        settings: the labels of the runs of each setting; those without answers are left out.
        confidence: of the intervals.
        seed: the resamples are a function of it.
    """
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
    values = {name: on_all_rows(each)[headline] for name, each in scores.items()}
    resampled = {name: each[headline] for name, each in zip(scores, drawn, strict=True)}
    present = [[label for label in setting if label in answers] for setting in settings]
    known = {setting_name(runs): runs for runs in present if runs}
    generator = np.random.default_rng([seed, 1])
    found = differences(
        {name: float(np.mean([values[label] for label in runs])) for name, runs in known.items()},
        {
            name: mean_over_seeds([resampled[label] for label in runs], generator)
            for name, runs in known.items()
        },
        number,
        bootstrap,
        sign=kind.METRICS[headline].sign,
    )
    unknown = answers.keys() - {label for runs in present for label in runs}
    if unknown:
        raise ValueError(f"of no setting: {', '.join(sorted(unknown))}")
    # The bound by documents holds for each pair of runs; the largest is the most cautious one.
    least = {
        (each.first, each.second): max(
            least_p_of_seeds(len(known[each.first]), len(known[each.second])),
            *(
                least_p(scores[one], scores[other], documents)
                for one, other in product(known[each.first], known[each.second])
            ),
        )
        for each in found
    }
    return [replace(each, p=max(each.p, least[each.first, each.second])) for each in found]


def setting_name(labels: Sequence[str]) -> str:
    """What a setting is called: `A`, or `mean of A, B`."""
    return labels[0] if len(labels) == 1 else f"mean of {', '.join(labels)}"


def least_p_of_seeds(first: int, second: int) -> float:
    """The smallest two-sided p-value of the permutation test of the seeds; 0 of one run each.

    Of two and two runs there are 6 ways to divide them, so that it is 1/3; of four and four, 1/35.

    Args:
        first: number of seeds of a setting.
        second: of another.
    """
    if first == second == 1:
        return 0.0
    return min(1.0, 2 / math.comb(first + second, first))


def mean_over_seeds(
    resampled: Sequence[NDArray[np.float64]], generator: np.random.Generator
) -> NDArray[np.float64]:
    """The mean over seeds that are drawn again for each resample of the documents.

    Args:
        resampled: the metric of the run of each seed over the same resamples, of shape (samples,).
        generator: draws the seeds.

    Returns:
        Of shape (samples,).
    """
    stacked = np.stack(resampled, axis=1)  # (samples, seeds)
    drawn = generator.integers(0, stacked.shape[1], stacked.shape)
    return np.asarray(np.take_along_axis(stacked, drawn, axis=1).mean(axis=1))
