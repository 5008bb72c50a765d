"""All finished runs of experiments, ranked: one row per run; runs with equal results share one.

With several metrics, a run's place is by the mean of its ranks. Places follow the measured values;
`temper compare` tests whether neighbours differ significantly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from tasks.comparison.as_json import run_facts
from tasks.comparison.comparison import (
    differing,
    differing_data,
    direction,
    incomparable_pretraining,
    value_of,
)
from tasks.comparison.page import ABSENT, with_interval
from tasks.comparison.past_run import PastRun
from tasks.machinery.naming.metric_name import DOWNSTREAM, MetricName, headline_of
from tasks.machinery.naming.spelling import near
from tasks.machinery.tracking.tags import DIGEST_OF, RESULTS
from tasks.pages.document import Block, Cell, Document, Grid, Section, Words

PRETRAINING = "pretraining/validation_loss"
_WIDEST = 80  # characters of a cell
# What a result does not depend on; it would be a column all the same.
_UNINTERESTING = ("checkpoints.", "pretraining.log_every")


class UnknownMetricError(Exception):
    """No run has the requested metric."""


@dataclass(frozen=True)
class Entry:
    """A run, and how many other runs have the same results.

    Attributes:
        run: the newest of them.
        count: how many runs there are.
        rank: mean of its ranks; infinite if it has none of the metrics.
        seconds: the sum over its stages; None if that of a stage is unknown.
    """

    run: PastRun
    count: int = 1
    rank: float = float("inf")
    seconds: float | None = None


def fold(runs: Sequence[PastRun]) -> list[Entry]:
    """Finished runs, the newest first, with runs of equal results merged."""
    entries: dict[str, Entry] = {}
    for run in sorted(runs, key=lambda each: -each.started):
        if run.status == "FINISHED":
            key = run.tags.get(RESULTS) or run.run_id
            known = entries.get(key)
            entries[key] = replace(known, count=known.count + 1) if known else Entry(run)
    return list(entries.values())


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
    found = {
        str(MetricName(metric, problem=problem))
        for run in runs
        for problem in run.problems
        if (metric := headline_of(run.metrics, problem))
    }
    return sorted(found) or [PRETRAINING]


def ranked(entries: Sequence[Entry], metrics: Sequence[str]) -> list[Entry]:
    """The entries by the mean of their ranks, equal values having equal ranks.

    A run without one of the metrics is last in it; one without any has no place.
    """
    entries = [each for each in entries if any(name in each.run.metrics for name in metrics)]
    ranks: dict[str, list[int]] = {entry.run.run_id: [] for entry in entries}
    for metric in metrics:
        way = direction(metric, [entry.run for entry in entries]) or 1
        values = {e.run.run_id: e.run.metrics.get(metric) for e in entries}
        known = [value * way for value in values.values() if value is not None]
        for run_id, value in values.items():
            better = len(known) if value is None else sum(v > value * way for v in known)
            ranks[run_id].append(1 + better)
    placed = [
        replace(entry, rank=sum(found) / len(found))
        for entry in entries
        if (found := ranks[entry.run.run_id])
    ]
    return sorted(placed, key=lambda entry: (entry.rank, -entry.run.started))


def places(entries: Sequence[Entry]) -> list[int]:
    """The place of each entry, from 1: who is equal shares one, and the next is left out."""
    return [1 + sum(other.rank < entry.rank for other in entries) for entry in entries]


def with_seconds(entries: Sequence[Entry], seconds: Mapping[str, float]) -> list[Entry]:
    """The entries with what they took, from the seconds of each artifact."""

    def total(run: PastRun) -> float | None:
        names = set(run.artifacts.values())
        return sum(seconds[n] for n in names) if names and names <= seconds.keys() else None

    return [replace(entry, seconds=total(entry.run)) for entry in entries]


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
        if name in names and not name.startswith(_UNINTERESTING)
    }
    for title in sorted(titles):
        digests = [run.tags.get(f"{DIGEST_OF}{title}", "")[:8] for run in runs]
        found[f"content of {title}"] = [digest or None for digest in digests]
    return found


def leaderboard_page(entries: Sequence[Entry], metrics: Sequence[str], title: str) -> Document:
    """The ranked entries as a page."""
    runs = [entry.run for entry in entries]
    columns = varying(entries)
    several = len({run.experiment for run in runs}) > 1
    header = ["run", *(metric.removeprefix(f"{DOWNSTREAM}/") for metric in metrics)]
    header += [
        "name",
        "started (UTC)",
        "commit",
        "seconds",
        "times",
        *(["experiment"] if several else []),
    ]
    header += [name.removeprefix("downstream.") for name in columns]
    rows = []
    for row, (place, entry) in enumerate(zip(places(entries), entries, strict=True)):
        run = entry.run
        cells = [Cell(f"{place:>2} {run.run_id[:8]}")]
        cells += [_metric_cell(run, metric, runs) for metric in metrics]
        seconds = ABSENT if entry.seconds is None else f"{entry.seconds:,.0f}"
        texts = [run.name, run.when, run.commit or ABSENT, seconds, str(entry.count)]
        texts += [run.experiment] if several else []
        texts += [values[row] or ABSENT for values in columns.values()]
        rows.append([*cells, *(Cell(text[:_WIDEST]) for text in texts)])
    blocks: list[Block] = [Grid(header, rows, turns=False), Words(_how(entries, metrics, columns))]
    return Document(title, [Section("Leaderboard", blocks)])


def _metric_cell(run: PastRun, metric: str, runs: Sequence[PastRun]) -> Cell:
    way = direction(metric, runs)
    known = [each.metrics[metric] * way for each in runs if metric in each.metrics]
    value = value_of(run.metrics, metric)
    best = value is not None and bool(way) and len(set(known)) > 1
    return Cell(with_interval(value), best and value.value * way == max(known))  # type: ignore[union-attr]


def _how(
    entries: Sequence[Entry], metrics: Sequence[str], columns: Mapping[str, Sequence[str | None]]
) -> str:
    """The explanation below the table."""
    runs = [entry.run for entry in entries]
    less = [metric for metric in metrics if direction(metric, runs) < 0]
    said = "Ranked by " + (
        f"the mean of the ranks in {' and '.join(metrics)}" if len(metrics) > 1 else metrics[0]
    )
    said += f" (lower is better in {', '.join(less)})" if less else ""
    said += ". Neighbours may differ by chance; `temper compare` tests that."
    if any(entry.count > 1 for entry in entries):
        said += " Runs with the same results share a row; `times` is their number."
    if any(entry.run.commit.endswith("*") for entry in entries):
        said += " * the code had uncommitted changes."
    data = [name for name in columns if name.startswith("content of dataset")]
    if data:
        said += f" The data differ ({', '.join(data)}): compare only rows with the same data."
    why = incomparable_pretraining([entry.run for entry in entries])
    if why and any(metric.startswith("pretraining/") for metric in metrics):
        said += f" Note: {why.partition(':')[0]}."
    return said


def leaderboard_json(entries: Sequence[Entry], metrics: Sequence[str]) -> dict[str, Any]:
    """The ranked entries as JSON values."""
    columns = varying(entries)
    return {
        "ranked_by": list(metrics),
        "rows": [
            run_facts(entry.run)
            | {
                "place": place,
                "mean_rank": entry.rank,
                "times": entry.count,
                "seconds": entry.seconds,
                "metrics": {m: _value(entry.run, m) for m in metrics},
                "parameters": {name: values[row] for name, values in columns.items()},
            }
            for row, (place, entry) in enumerate(zip(places(entries), entries, strict=True))
        ],
    }


def _value(run: PastRun, metric: str) -> dict[str, float | None] | None:
    found = value_of(run.metrics, metric)
    return asdict(found) if found else None
