"""Gathering the data of a comparison of past runs, from MLflow and the store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from tasks import objectives, problems
from tasks.comparison.answers import Answered, compare_answers, read_answers, sharing
from tasks.comparison.comparison import (
    Comparison,
    Overlay,
    RunCost,
    alike,
    differing,
    differing_data,
    incomparable_pretraining,
    metric_rows,
)
from tasks.comparison.curves import Curve
from tasks.comparison.disagreement import Disagreement, most_disputed
from tasks.comparison.energy import Power, Spent
from tasks.comparison.past_run import PastRun, label_of
from tasks.comparison.remains import Remains
from tasks.comparison.settings import settings_of
from tasks.comparison.ways.gathering import ways_of
from tasks.machinery.naming.metric_name import DOWNSTREAM
from tasks.machinery.naming.title import Title
from tasks.objectives import images as image_objectives
from tasks.statistics.significance import Difference, corrected

# What is overlaid, by stage: metrics in the words of the curve's file.
CURVES = {
    "pretraining": ("loss", "quick_validation_loss"),
    "finetuning": ("loss", "validation_loss"),
}

Say = Callable[[str], None]


def gather(
    runs: Sequence[PastRun], remains: Remains, power: Power, examples: int, say: Say
) -> Comparison:
    """Compare runs by all that remains of them.

    Args:
        runs: two or more, in the order in which they are shown.
        remains: where to look for predictions, curves and seconds.
        power: what the energy is reckoned with.
        examples: how many rows to show, of each problem, on which the runs disagree.
        say: called with messages on the progress.
    """
    say("reading the runs' predictions")
    tests = Tests([[label_of(i) for i in each] for each in settings_of(runs)])
    for problem in sorted({name for run in runs for name in run.problems}):
        tests.add(problem, runs, remains, examples)
    say("reading curves and costs")
    apart = set(tests.incomparable)
    if incomparable_pretraining(runs):
        apart.add("pretraining/")
    tested = corrected(tests.differences)
    return Comparison(
        runs=list(runs),
        parameters=differing([run.params for run in runs]),
        data=differing_data(runs),
        metrics=metric_rows(runs, frozenset(apart)),
        differences=tested,
        untested=tests.untested,
        costs=[cost_of(run, remains, power) for run in runs],
        power=power,
        overlays=overlays(runs, remains),
        disputed=tests.disputed,
        alike=alike(runs),
        ways=ways_of(runs, remains, tested, power),
    )


class Tests:
    """The tests, problem by problem.

    Args:
        settings: the labels of the runs of each setting.
    """

    def __init__(self, settings: Sequence[Sequence[str]]) -> None:
        self.settings = settings
        self.differences: list[Difference] = []
        self.untested: list[str] = []
        self.disputed: dict[str, list[Disagreement]] = {}
        self.incomparable: list[str] = []

    def add(self, problem: str, runs: Sequence[PastRun], remains: Remains, examples: int) -> None:
        """Test all pairs of settings on a problem, if they share the test rows."""
        answers = self._answers(problem, runs, remains)
        groups = sharing(answers)
        if len(groups) > 1:
            self.incomparable.append(f"{DOWNSTREAM}/{problem}/")
            self.untested.append(_differ(problem, groups))
        confidence = min(float(run.params.get("evaluation.confidence", 0.95)) for run in runs)
        for labels in groups:
            if len(labels) > 1:
                self._test(problem, {name: answers[name] for name in labels}, confidence, examples)

    def _answers(
        self, problem: str, runs: Sequence[PastRun], remains: Remains
    ) -> dict[str, Answered]:
        found: dict[str, Answered] = {}
        for number, run in enumerate(runs):
            label = label_of(number)
            kind = run.kind_of(problem)
            file = remains.answers_file(run, problem) if kind else None
            if file is not None:
                found[label] = read_answers(file, kind)
            else:
                self.untested.append(f"{problem}: {_why_none(label, run, problem)}")
        return found

    def _test(
        self, problem: str, answers: dict[str, Answered], confidence: float, examples: int
    ) -> None:
        kind = problems.load(next(iter(answers.values())).problem)
        found = compare_answers(kind, answers, self.settings, confidence=confidence)
        metric = kind.METRICS[kind.HEADLINE].words
        self.differences += [replace(each, problem=problem, metric=metric) for each in found]
        disputed = most_disputed(kind, answers, examples)
        self.disputed.setdefault(problem, []).extend(disputed)


def _why_none(label: str, run: PastRun, problem: str) -> str:
    """Why a run has no predictions."""
    if problem not in run.problems:
        return f"{label} has no such problem"
    if str(Title("evaluation", problem)) not in run.artifacts.keys() | run.stage_runs.keys():
        return f"{label} ended before evaluating it ({run.status}), so it is not tested"
    return (
        f"the predictions of {label} are neither in the store (deleted) nor in MLflow (too large, "
        "or the stage's run was deleted), so it is not tested; `temper run` recomputes them"
    )


def _differ(problem: str, groups: Sequence[Sequence[str]]) -> str:
    """Which runs do not share their test rows."""
    said = " / ".join(", ".join(group) for group in groups)
    return (
        f"{problem}: the test splits differ in content ({said}); numbers on different sides of a "
        "slash are of different rows, so they are not tested and none is marked as the best"
    )


def cost_of(run: PastRun, remains: Remains, power: Power) -> RunCost:
    """The cost of the stages of a run, each artifact once."""
    spent: dict[str, Spent] = {}
    by_stage: dict[str, float] = {}
    unknown: list[str] = []
    for title in sorted(run.artifacts.keys() | run.stage_runs.keys()):
        found = remains.spent(run, title)
        if found is None:
            unknown.append(title)
            continue
        name = remains.name(run, title) or title
        if name not in spent:
            stage = Title.parse(title).stage
            by_stage[stage] = by_stage.get(stage, 0.0) + found.seconds
            spent[name] = found
    seconds = sum(each.seconds for each in spent.values())
    known = sum(each.seconds for each in spent.values() if each.usage is not None)
    return RunCost(
        seconds=seconds,
        by_stage=by_stage,
        unknown=unknown,
        watt_hours=sum(each.watt_hours(power) for each in spent.values()),
        measured=known / seconds if seconds else 0.0,
        tokens=run.metrics.get("pretraining/tokens"),
        parameters=run.metrics.get("pretraining/parameters"),
    )


def overlays(runs: Sequence[PastRun], remains: Remains) -> list[Overlay]:
    """The curves of the trainings that all runs have."""
    titles = [set(run.artifacts) | set(run.stage_runs) for run in runs]
    shared = sorted(set.intersection(*titles), key=lambda title: (title[0] != "p", title))
    found = []
    for title in shared:
        parsed = Title.parse(title)
        metrics = CURVES.get(parsed.stage, ())
        if not metrics or parsed.is_of_reference:
            continue
        curves = [remains.curves(run, title) for run in runs]
        groups = _same_artifact(title, runs, remains)
        found += [
            Overlay(title, metric, each, loss_of(runs[0], parsed), groups)
            for metric in metrics
            if len(each := _of_metric(curves, metric)) > 1
        ]
    return found


def loss_of(run: PastRun, title: Title) -> str:
    """What the loss of a training is, for the axis of a figure; empty if its kind is unknown."""
    if title.stage == "pretraining":
        objective = run.params.get("pretraining.objective", "")
        for shelf in (objectives, image_objectives):
            if objective in shelf.names():
                return shelf.load(objective).METRICS["validation_loss"].unit
        return ""
    kind = run.kind_of(title.label)
    return problems.load(kind).LOSS if kind in problems.every() else ""


def _of_metric(curves: Sequence[dict[str, Curve]], metric: str) -> dict[str, Curve]:
    return {label_of(i): each[metric] for i, each in enumerate(curves) if metric in each}


def _same_artifact(title: str, runs: Sequence[PastRun], remains: Remains) -> list[list[str]]:
    """The labels of runs that share the same artifact of a stage."""
    groups: dict[str, list[str]] = {}
    for number, run in enumerate(runs):
        groups.setdefault(remains.name(run, title) or str(number), []).append(label_of(number))
    return [group for group in groups.values() if len(group) > 1]
