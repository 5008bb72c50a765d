"""A leaderboard as a page, and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from tasks.comparison.as_json import run_facts
from tasks.comparison.comparison import (
    Value,
    best_of,
    direction,
    value_of,
)
from tasks.comparison.ranking.leaderboard import Entry, Group, measured_on, places, varying
from tasks.comparison.settings import spread
from tasks.comparison.values import ABSENT, with_interval, with_spread
from tasks.machinery.naming.cut import cut
from tasks.machinery.naming.metric_name import DOWNSTREAM, FURTHER, MetricName
from tasks.pages.document import Block, Cell, Document, Grid, Paragraph, Section

_WIDEST = 80  # characters of a cell


def leaderboard_page(groups: Sequence[Group], title: str) -> Document:
    """The groups as a page."""
    several = len(groups) > 1
    blocks: list[Block] = []
    for number, group in enumerate(groups, start=1):
        if several:
            blocks.append(Paragraph(f"{number} of {len(groups)}: {what_is_measured(group)}."))
        blocks += [_grid(group), Paragraph(_how(group))]
    if several:
        blocks.append(
            Paragraph(
                "The tables differ in their problems or test rows: numbers of two tables are "
                "comparable only where the test rows named above are the same."
            )
        )
    return Document(title, [Section("Leaderboard", blocks)])


def what_is_measured(group: Group) -> str:
    """`library (test rows 1f2e3d4c), held-out text (5a6b7c8d)`."""
    found = []
    for metric in group.metrics:
        problem = MetricName.parse(metric).problem
        words = measured_on(group.entries[0].run, metric).split()
        digest = next((word[:8] for word in words if _is_digest(word)), "unknown")
        found.append(f"{problem} (test rows {digest})" if problem else f"held-out text ({digest})")
    return ", ".join(found)


def _is_digest(word: str) -> bool:
    return len(word) >= 16 and not set(word) - set("0123456789abcdef")


def _grid(group: Group) -> Grid:
    entries = group.entries
    runs = [entry.run for entry in entries]
    columns = varying(entries)
    several = len({run.experiment for run in runs}) > 1
    seeds = len({tuple(entry.seeds) for entry in entries}) > 1
    header = ["run", *(metric.removeprefix(f"{DOWNSTREAM}/") for metric in group.metrics), "name"]
    beside = further(group)
    header[-1:-1] = [metric.removeprefix(f"{DOWNSTREAM}/") for metric in beside]
    header += ["seeds"] if seeds else []
    header += ["started (UTC)", "commit", "seconds", "times"]
    header += ["experiment"] if several else []
    header += [name.removeprefix("downstream.") for name in columns]
    best = {
        metric: best_of([e.mean(metric) for e in entries], direction(metric, runs))
        for metric in group.metrics
    }
    rows = []
    for row, (place, entry) in enumerate(zip(places(entries), entries, strict=True)):
        run = entry.run
        cells = [Cell(f"{place:>2} {run.run_id[:8]}")]
        cells += [Cell(_shown(entry, metric), row in best[metric]) for metric in group.metrics]
        cells += [Cell(_shown(entry, metric)) for metric in beside]
        texts = [run.name, *([", ".join(entry.seeds)] if seeds else []), run.when]
        seconds = ABSENT if entry.seconds is None else f"{entry.seconds:,.0f}"
        commits = dict.fromkeys(run.commit for run in entry.runs if run.commit)
        texts += [", ".join(commits) or ABSENT, seconds, str(entry.count)]
        texts += [run.experiment] if several else []
        texts += [values[row] or ABSENT for values in columns.values()]
        rows.append([*cells, *(Cell(cut(text, _WIDEST)) for text in texts)])
    return Grid(header, rows, turns=False)


def further(group: Group) -> list[str]:
    """The results on further test sets of the problems of a group: shown, and not ranked."""
    problems = {MetricName.parse(metric).problem for metric in group.metrics} - {""}
    names = {name for entry in group.entries for name in entry.run.metrics}
    parsed = {name: MetricName.parse(name) for name in names}
    headlines = {MetricName.parse(metric).metric for metric in group.metrics}
    return sorted(
        name
        for name, found in parsed.items()
        if found.problem in problems
        and found.model.startswith(FURTHER)
        and found.metric in headlines | {"drop"}
        and not found.end
    )


def _shown(entry: Entry, metric: str) -> str:
    if len(entry.runs) > 1:
        return with_spread(spread(entry.values(metric)))
    return with_interval(value_of(entry.run.metrics, metric))


def _how(group: Group) -> str:
    """The explanation below a table."""
    entries, metrics = group.entries, group.metrics
    less = [metric for metric in metrics if direction(metric, [e.run for e in entries]) < 0]
    said = "Ranked by " + (
        f"the mean of the ranks in {' and '.join(metrics)}" if len(metrics) > 1 else metrics[0]
    )
    said += f" (lower is better in {', '.join(less)})" if less else ""
    said += ". Neighbours may differ by chance; `temper compare` tests that."
    if further(group):
        said += " Results on further test sets (`on_…`) are not ranked; `drop` is the loss there."
    if any(len(entry.runs) > 1 for entry in entries):
        said += (
            " Runs that differ by the seed alone share a row: mean ± standard deviation over the "
            "seeds (smallest to largest); name and start are those of the newest."
        )
    if any(entry.count > len(entry.runs) for entry in entries):
        said += " `times` counts runs with the same results too."
    if any(entry.run.commit.endswith("*") for entry in entries):
        said += " * the code had uncommitted changes."
    return said


def leaderboard_json(groups: Sequence[Group]) -> dict[str, Any]:
    """The groups as JSON values."""
    return {
        "groups": [
            {
                "ranked_by": list(group.metrics),
                "measured_on": {m: measured_on(group.entries[0].run, m) for m in group.metrics},
                "rows": _rows(group),
            }
            for group in groups
        ]
    }


def _rows(group: Group) -> list[dict[str, Any]]:
    columns = varying(group.entries)
    return [
        run_facts(entry.run)
        | {
            "place": place,
            "mean_rank": entry.rank,
            "times": entry.count,
            "runs": [run.run_id for run in entry.runs],
            "seeds": entry.seeds,
            "seconds": entry.seconds,
            "metrics": {metric: _value(entry, metric) for metric in group.metrics},
            "further": {
                metric: _value(entry, metric)
                for metric in further(group)
                if metric in entry.run.metrics
            },
            "parameters": {name: values[row] for name, values in columns.items()},
        }
        for row, (place, entry) in enumerate(zip(places(group.entries), group.entries, strict=True))
    ]


def _value(entry: Entry, metric: str) -> dict[str, Any]:
    """One run: the value and its interval. Several: the mean and the spread over the seeds."""
    found = spread(entry.values(metric))
    assert found is not None
    one = value_of(entry.run.metrics, metric) if len(entry.runs) == 1 else None
    return asdict(one or Value(found.mean)) | {"over_seeds": asdict(found)}
