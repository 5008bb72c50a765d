"""All finished runs of experiments, ranked: one row per setting, in groups of the same test data.

Runs with equal results are one run; runs that differ by the seed alone are one row, with the mean
and the spread over their seeds. With several metrics, the place is by the mean of the ranks. Places
follow the measured values; `temper compare` tests whether neighbours differ significantly.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tasks.comparison.comparison import (
    MEASURING,
    differing,
    differing_data,
    direction,
)
from tasks.comparison.past_run import PastRun
from tasks.comparison.settings import SEED, settings_of
from tasks.machinery.naming.metric_name import DOWNSTREAM, MetricName, headline_of
from tasks.machinery.naming.spelling import near
from tasks.machinery.tracking.tags import RESULTS, TEST_ROWS_OF

PRETRAINING = "pretraining/validation_loss"
# What a result does not depend on; it would be a column all the same.
_UNINTERESTING = ("checkpoints.", "pretraining.log_every")


class UnknownMetricError(Exception):
    """No run has the requested metric."""


@dataclass(frozen=True)
class Entry:
    """A row: the runs of a setting.

    Attributes:
        runs: one for each seed, the newest first.
        count: how many runs there are, those with equal results included.
        rank: mean of its ranks.
        seconds: the sum over the stages of all its runs; None if that of a stage is unknown.
    """

    runs: Sequence[PastRun]
    count: int = 1
    rank: float = float("inf")
    seconds: float | None = None

    @property
    def run(self) -> PastRun:
        """The newest run."""
        return self.runs[0]

    @property
    def seeds(self) -> list[str]:
        """The seeds of the runs, the smallest first."""
        found = {run.params[SEED] for run in self.runs if SEED in run.params}
        return sorted(found, key=lambda seed: (len(seed), seed))

    def values(self, metric: str) -> list[float]:
        """A metric of each run that has it."""
        return [run.metrics[metric] for run in self.runs if metric in run.metrics]

    def mean(self, metric: str) -> float | None:
        """The mean of a metric over the seeds; None if no run has it."""
        values = self.values(metric)
        return statistics.fmean(values) if values else None


@dataclass(frozen=True)
class Group:
    """Rows whose metrics were measured on the same data, the best first.

    Attributes:
        metrics: those that the rows have.
        entries: the rows.
    """

    metrics: Sequence[str]
    entries: Sequence[Entry]


def fold(runs: Sequence[PastRun]) -> list[Entry]:
    """Finished runs by their settings, the newest first, runs with equal results as one."""
    distinct: dict[str, PastRun] = {}
    counts: dict[str, int] = {}
    for run in sorted(runs, key=lambda each: -each.started):
        if run.status == "FINISHED":
            found = distinct.setdefault(run.tags.get(RESULTS) or run.run_id, run)
            counts[found.run_id] = counts.get(found.run_id, 0) + 1
    kept = list(distinct.values())
    return [
        Entry(members, sum(counts[run.run_id] for run in members))
        for positions in settings_of(kept)
        for members in [[kept[i] for i in positions]]
    ]


def metrics_to_rank(runs: Sequence[PastRun], wanted: str = "") -> list[str]:
    """The requested metric, or the headline metric of each problem.

    Raises:
        UnknownMetricError: no run has it.
    """
    if wanted:
        names = sorted({name for run in runs for name in run.metrics})
        for name in (wanted, f"{DOWNSTREAM}/{wanted}"):
            if name in names:
                return [name]
        nearby = near(wanted, names) or near(f"{DOWNSTREAM}/{wanted}", names)
        hint = f"; did you mean {nearby}" if nearby else ""
        shown = [name for name in names if not MetricName.parse(name).end]
        known = ", ".join(shown[:12]) + (", …" if len(shown) > 12 else "")
        raise UnknownMetricError(f"--metric {wanted}: no run has it{hint}. There are: {known}")
    alike = {tuple(run.metrics): run for run in runs}  # runs of an experiment have the same names
    found = {
        str(MetricName(metric, problem=problem))
        for run in alike.values()
        for problem in run.problems
        if (metric := headline_of(run.metrics, problem))
    }
    return sorted(found) or [PRETRAINING]


def grouped(entries: Sequence[Entry], metrics: Sequence[str]) -> list[Group]:
    """The entries that have one of the metrics, ranked among those measured on the same data.

    The group with most metrics is the first; of others, the one with the newest run.
    """
    by_data: dict[tuple[str, ...], list[Entry]] = {}
    known = _test_rows([run for entry in entries for run in entry.runs])
    for entry in entries:
        measured = tuple(measured_on(entry.run, metric, known) for metric in metrics)
        if any(measured):
            by_data.setdefault(measured, []).append(entry)
    groups = [
        Group(shared, ranked(members, shared))
        for measured, members in by_data.items()
        for shared in [[m for m, data in zip(metrics, measured, strict=True) if data]]
    ]
    newest = {id(each): max(entry.run.started for entry in each.entries) for each in groups}
    return sorted(groups, key=lambda each: (-len(each.metrics), -newest[id(each)]))


def _test_rows(runs: Sequence[PastRun]) -> dict[tuple[str, str], str]:
    """The digest of the test rows by problem and digest of the data set, where both are known."""
    return {
        (problem, run.digests[f"dataset {problem}"]): rows
        for run in runs
        for problem, rows in run.tagged(TEST_ROWS_OF).items()
        if f"dataset {problem}" in run.digests
    }


def measured_on(
    run: PastRun, metric: str, known: Mapping[tuple[str, str], str] | None = None
) -> str:
    """What a metric of a run was measured on: equal for two runs if they are comparable in it.

    Args:
        run: a run.
        metric: a metric.
        known: the digests of test rows by problem and digest of the data set: runs of older
            versions have the latter alone.

    Returns:
        Empty if the run does not have the metric.
    """
    if metric not in run.metrics:
        return ""
    problem = MetricName.parse(metric).problem
    if not problem:
        measuring = [run.params.get(f"pretraining.{name}", "") for name in MEASURING]
        return " ".join(["held-out text", run.digests.get("tokens", ""), *measuring])
    data = run.digests.get(f"dataset {problem}", "")
    rows = run.tags.get(f"{TEST_ROWS_OF}{problem}") or (known or {}).get((problem, data), data)
    return f"test rows {rows}"


def ranked(entries: Sequence[Entry], metrics: Sequence[str]) -> list[Entry]:
    """The entries by the mean of their ranks, equal values having equal ranks.

    Args:
        entries: each has all of the metrics.
        metrics: to rank by.
    """
    ranks: list[list[int]] = [[] for _ in entries]
    for metric in metrics:
        way = direction(metric, [entry.run for entry in entries]) or 1
        values = [(entry.mean(metric) or 0.0) * way for entry in entries]
        for mine, value in zip(ranks, values, strict=True):
            mine.append(1 + sum(other > value for other in values))
    placed = [
        replace(entry, rank=sum(mine) / len(mine))
        for entry, mine in zip(entries, ranks, strict=True)
    ]
    return sorted(placed, key=lambda entry: (entry.rank, -entry.run.started))


def places(entries: Sequence[Entry]) -> list[int]:
    """The place of each entry, from 1: who is equal shares one, and the next is left out."""
    return [1 + sum(other.rank < entry.rank for other in entries) for entry in entries]


def with_seconds(entries: Sequence[Entry], seconds: Mapping[str, float]) -> list[Entry]:
    """The entries with what they took, from the seconds of each artifact."""

    def total(runs: Sequence[PastRun]) -> float | None:
        names = {name for run in runs for name in run.artifacts.values()}
        return sum(seconds[n] for n in names) if names and names <= seconds.keys() else None

    return [replace(entry, seconds=total(entry.runs)) for entry in entries]


def varying(entries: Sequence[Entry]) -> dict[str, list[str | None]]:
    """The parameters, and the digests of data, that are not the same within an experiment.

    Parameters that differ only between experiments (each has its own problems) or between a part on
    its own and a whole experiment are left out: the name of a run shows them.
    """
    runs = [entry.run for entry in entries]

    def kind(run: PastRun) -> tuple[str, str]:
        return run.experiment, run.kind

    groups = [[r for r in runs if kind(r) == each] for each in {kind(r) for r in runs}]
    names = {name for group in groups for name in differing([run.params for run in group])}
    titles = {title for group in groups for title in differing_data(group)}
    found = {
        name: [run.params.get(name) for run in runs]
        for name in dict.fromkeys(name for run in runs for name in run.params)
        if name in names and name != SEED and not name.startswith(_UNINTERESTING)
    }
    for title in sorted(titles):
        digests = [run.digests.get(title, "")[:8] for run in runs]
        found[f"content of {title}"] = [digest or None for digest in digests]
    return found
