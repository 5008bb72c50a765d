"""Runs side by side: which parameters differ, which numbers are best, what they cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tasks import objectives, problems
from tasks.comparison.curves import Curve
from tasks.comparison.energy import Power
from tasks.comparison.past_run import PastRun, label_of
from tasks.comparison.settings import Spread, data_of, settings_of, spread
from tasks.machinery.naming.metric_name import (
    DIFFERENCES,
    FROM_SCRATCH,
    MAJORITY,
    REFERENCES,
    SEEDS,
    SEEDS_MEAN,
    SEEDS_SPREAD,
    SIMPLE,
    MetricName,
)
from tasks.machinery.tracking.tags import RESULTS
from tasks.objectives import images as image_objectives
from tasks.statistics import numbers

if TYPE_CHECKING:  # with numpy and pandas, which a leaderboard does without
    from tasks.comparison.disagreement import Disagreement
    from tasks.statistics.significance import Difference

# Metrics of quantity, not quality: none of their values is the best. Nor is the largest gain: a
# worse model from scratch makes it larger.
COUNTS = ("parameters", "tokens", "steps", "test_documents", SEEDS)
_NO_RANK = (*COUNTS, "epochs", *DIFFERENCES, "temperature", "threshold")
# What is better of metrics that no problem and no objective describes, by the end of their names.
# Any other has no better value: a count, a share of the rows, a rank correlation with a rival.
_WAYS = {
    **dict.fromkeys(("loss", "perplexity", "area", "drop", "_error"), -1),
    **dict.fromkeys(("accuracy", "faithfulness", "f1"), 1),
}
# What a loss on held-out text depends on, besides the model.
MEASURING = ("objective", "sequence_length", "validation_sequences")


@dataclass(frozen=True)
class Value:
    """A number with its interval, if it has one."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class MetricRow:
    """A metric of all runs.

    Attributes:
        name: as in MLflow.
        values: a value or None for each run.
        best: the positions of the best values; empty if none is better, if they are not comparable,
            or if a setting has several seeds: the best of these is luck.
        way: 1 if a higher value is better, -1 if a lower one is, 0 if neither.
        spreads: over the seeds of each setting, or None.
        best_settings: the positions of the settings with the best mean; empty as above.
    """

    name: str
    values: list[Value | None]
    best: frozenset[int] = frozenset()
    way: int = 0
    spreads: list[Spread | None] = field(default_factory=list)
    best_settings: frozenset[int] = frozenset()


@dataclass(frozen=True)
class RunCost:
    """The cost of all stages of a run, each counted once, also if it was cached.

    Attributes:
        seconds: sum over the stages whose seconds are known.
        by_stage: seconds by the stage's name.
        unknown: titles of stages whose cost is unknown.
        watt_hours: the estimate.
        measured: share of the seconds for which the utilization of the processors is known.
        tokens: number of tokens read in pre-training.
        parameters: number of parameters of the encoder.
    """

    seconds: float
    by_stage: Mapping[str, float]
    unknown: Sequence[str]
    watt_hours: float
    measured: float
    tokens: float | None
    parameters: float | None


@dataclass(frozen=True)
class Tuned:
    """What a way of tuning costs on a problem, and what it gives: a setting of runs.

    Attributes:
        setting: the labels of its runs, as in differences: `A`, or `mean of A, B`.
        method: the name of the method.
        trained: numbers that learn; None if unknown, as the next ones.
        share: of the parameters of the model.
        seconds: of the fine-tuning, a mean over the runs.
        watt_hours: the estimate for it, a mean over the runs.
        memory: megabytes of the process at the peak, the largest of the runs.
        size: bytes on disk of what was learnt: the adapter, or the model where there is none.
        value: the headline metric, a mean over the runs; with its interval, of one run.
        against: the difference from the setting in full; None for that, or if it was not tested.
    """

    setting: str
    method: str
    trained: float | None
    share: float | None
    seconds: float | None
    watt_hours: float | None
    memory: float | None
    size: float | None
    value: Value | None
    against: Difference | None = None


@dataclass(frozen=True)
class Overlay:
    """One loss of one stage over training, for the runs that have it."""

    stage: str
    metric: str
    curves: dict[str, Curve]
    loss: str  # what it is, for the axis: `nats`, `squared error`
    shared: list[list[str]] = field(default_factory=list)  # labels of runs with the same artifact


@dataclass(frozen=True)
class Comparison:
    """A comparison of runs. Lists have one entry per run, in the order of `runs`.

    Attributes:
        runs: the compared runs.
        parameters: those that differ; None if a run does not have it.
        data: digests of the data that differ.
        metrics: all of them.
        differences: paired differences of the headline metrics, corrected for their number.
        untested: why differences that are not in `differences` were not tested, a sentence each.
        costs: the cost of each run.
        power: the power from which the energy is estimated.
        overlays: learning curves.
        disputed: the rows on which runs disagree most, by problem.
        ways: the ways of tuning, by problem, where runs differ in them.
        alike: labels of runs that have the same results.
    """

    runs: list[PastRun]
    parameters: dict[str, list[str | None]]
    data: dict[str, list[str | None]]
    metrics: list[MetricRow]
    differences: list[Difference]
    untested: list[str]
    costs: list[RunCost]
    power: Power
    overlays: list[Overlay]
    disputed: dict[str, list[Disagreement]]
    alike: list[list[str]]
    ways: dict[str, list[Tuned]] = field(default_factory=dict)

    @property
    def labels(self) -> list[str]:
        """The label of each run."""
        return [label_of(i) for i in range(len(self.runs))]

    @property
    def settings(self) -> list[list[str]]:
        """The labels of the runs of each setting."""
        return [[label_of(i) for i in positions] for positions in settings_of(self.runs)]

    @property
    def repeated(self) -> bool:
        """Whether a setting has several seeds."""
        return any(len(setting) > 1 for setting in self.settings)


def differing(values: Sequence[Mapping[str, str]]) -> dict[str, list[str | None]]:
    """The names whose values are not all equal, with None for absent values."""
    names = list(dict.fromkeys(name for each in values for name in each))
    found = {name: [each.get(name) for each in values] for name in names}
    return {name: each for name, each in found.items() if len(set(each)) > 1}


def differing_data(runs: Sequence[PastRun]) -> dict[str, list[str | None]]:
    """The digests of data sets and corpora that are not equal in all runs that have them.

    The data of one run alone are not held against those of other problems: its parameters say it.
    """
    found = differing([data_of(run) for run in runs])
    return {title: each for title, each in found.items() if len(set(each) - {None}) > 1}


def metric_rows(runs: Sequence[PastRun], incomparable: frozenset[str]) -> list[MetricRow]:
    """All metrics side by side.

    Args:
        runs: the compared runs.
        incomparable: prefixes of metrics that were measured on different data, such as
            `downstream/library/`: none of their values is the best.
    """
    known = {name for run in runs for name in run.metrics}
    chosen = [name for name in known if not MetricName.parse(name).end and "/" in name]
    settings = settings_of(runs)
    repeated = any(len(positions) > 1 for positions in settings)
    rows = []
    for name in sorted(chosen, key=lambda name: _order(name, runs)):
        values = [value_of(run.metrics, name) for run in runs]
        way = direction(name, runs)
        ranked = 0 if name.startswith(tuple(incomparable)) else way
        spreads = [
            spread([runs[i].metrics[name] for i in positions if name in runs[i].metrics])
            for positions in settings
        ]
        means = [each.mean if each else None for each in spreads]
        best = best_of([each.value if each else None for each in values], 0 if repeated else ranked)
        rows.append(MetricRow(name, values, best, way, spreads, best_of(means, ranked)))
    return rows


def _order(name: str, runs: Sequence[PastRun]) -> tuple[bool, str, int, int, str]:
    """Pre-training, then each problem: the model's own metrics, the gain, others' metrics.

    Among these the headline is first, then the other metrics of the problem as it lists them.
    """
    found = MetricName.parse(name)
    if not found.problem:
        return (False, found.stage, 0, 0, found.metric)
    others = (SEEDS_MEAN, SEEDS_SPREAD, *DIFFERENCES, *REFERENCES, SEEDS, "test_documents")
    kinds = {name: place for place, name in enumerate(others, start=1)}
    kind = kind_of(found.problem, runs)
    listed = [problems.described(kind).HEADLINE, *problems.described(kind).METRICS] if kind else []
    of_part = found.model and found.model not in kinds  # of some rows, or of fewer labels
    known = found.metric in listed and not of_part
    place = listed.index(found.metric) if known else len(listed)
    return (True, found.problem, kinds.get(found.model or found.metric, 0), place, found.metric)


def kind_of(problem: str, runs: Sequence[PastRun]) -> str:
    """The kind of a problem, such as `regression`; empty if no run states a known one."""
    return next((kind for run in runs if (kind := run.kind_of(problem)) in problems.every()), "")


def value_of(metrics: Mapping[str, float], name: str) -> Value | None:
    """A metric with its interval; None if it was not measured."""
    if name not in metrics:
        return None
    found = MetricName.parse(name)
    return Value(metrics[name], metrics.get(found.low), metrics.get(found.high))


def direction(name: str, runs: Sequence[PastRun]) -> int:
    """1 if a higher value of a metric is better, -1 if a lower one is, 0 if neither or unknown.

    Args:
        name: as in MLflow.
        runs: that have it: they know which problem it belongs to.
    """
    found = MetricName.parse(name)
    if found.metric in _NO_RANK or found.model in (MAJORITY, SIMPLE, SEEDS_SPREAD):
        return 0
    if found.stage == "pretraining":
        if found.metric in objectives.references() | image_objectives.references():
            return 0
        known = objectives.metrics() | image_objectives.metrics()
        if metric := known.get(found.metric):
            return metric.sign
    kind, every = kind_of(found.problem, runs), problems.every()
    # Of a part of the rows, or of fewer labels: `NAME/accuracy`, `from_scratch_accuracy`.
    plain = found.metric.rpartition("/")[2].removeprefix(f"{FROM_SCRATCH}_")
    for each in (kind,) if kind else every:
        if metric := problems.described(each).METRICS.get(plain):
            return metric.sign
    return next((way for end, way in _WAYS.items() if plain.endswith(end)), 0)


def best_of(values: Sequence[float | None], way: int) -> frozenset[int]:
    """The positions of the best values, as they are shown: equal ones are equally good.

    Empty if fewer than two are known, or all are equal.
    """
    known = {i: each for i, each in enumerate(values) if each is not None}
    shown = {i: numbers.bare(each, "number") for i, each in known.items()}
    if not way or len(set(shown.values())) < 2:
        return frozenset()
    best = max(known, key=lambda i: known[i] * way)
    return frozenset(i for i in known if shown[i] == shown[best])


def incomparable_pretraining(runs: Sequence[PastRun]) -> str:
    """Why the losses of pre-training cannot be compared; empty if they can."""
    tokens = {run.digests.get("tokens", "") for run in runs}
    if len(tokens) > 1:
        return (
            "the runs do not have the same held-out text in the same tokens, so losses and "
            "accuracies of pre-training are not comparable, and none is marked as the best"
        )
    names = [f"pretraining.{name}" for name in MEASURING]
    found = [name for name in names if len({run.params.get(name) for run in runs}) > 1]
    if found:
        return f"held-out text is measured differently ({', '.join(found)} differ): no best value"
    return ""


def alike(runs: Sequence[PastRun]) -> list[list[str]]:
    """The labels of runs that have the same results, in groups of two or more."""
    groups: dict[str, list[str]] = {}
    for i, run in enumerate(runs):
        results = run.tags.get(RESULTS, "")
        if results:
            groups.setdefault(results, []).append(label_of(i))
    return [group for group in groups.values() if len(group) > 1]
