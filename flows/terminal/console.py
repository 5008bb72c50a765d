"""The output in the terminal: the plan, progress with the time left, and the results."""

from __future__ import annotations

import json
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from tasks import objectives
from tasks.machinery.execution.planner import Step, shortened
from tasks.machinery.execution.summary import RunSummary, StageSummary
from tasks.machinery.naming.durations import duration
from tasks.machinery.naming.metric_name import (
    FROM_SCRATCH,
    GAIN,
    MAJORITY,
    OVER_SIMPLE,
    OVER_START,
    SEEDS_MEAN,
    SEEDS_SPREAD,
    SIMPLE,
    START,
    MetricName,
    headline_of,
)
from tasks.machinery.servers.servers import MLFLOW_PORT, PREFECT_PORT
from tasks.objectives import images as image_objectives
from tasks.problems import Metric
from tasks.statistics import numbers
from tasks.statistics.verdict import (
    against_simple,
    against_start,
    beyond_majority,
    compared,
    of_gain,
    over_seeds,
)
from tasks.timing.planner import Expected

if TYPE_CHECKING:  # it imports Prefect, which a plan does not need
    from tasks.machinery.execution.display import Reached

_LINE_EVERY = 20.0  # seconds between lines of progress where no line can be redrawn
MODELS = {
    MAJORITY: "majority",
    SIMPLE: "simple",
    "": "pre-trained",
    SEEDS_MEAN: "mean of seeds",
    FROM_SCRATCH: "from scratch",
    START: "before",
}
DIFFERENCES = {GAIN: "gain", OVER_START: "over before", OVER_SIMPLE: "over simple"}


class Terminal:
    """Progress of the stages: a redrawn line in a terminal, an occasional line in a log.

    `interruption` says where one came, once it has come in a stage.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self.interruption = "interrupted"
        self._live: Live | None = None
        self._printed = time.monotonic()

    def __enter__(self) -> Terminal:
        if self.console.is_terminal:
            self._live = Live(Text(""), console=self.console, transient=True, refresh_per_second=5)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def started(self, title: str) -> None:
        """A stage begins."""
        self._printed = time.monotonic()
        if self._live is not None:
            self._live.update(Text(f"  … {title}"))

    def progress(self, title: str, found: Reached) -> None:
        """Progress of a stage."""
        done, total, unit = found.done, found.total, found.unit
        if total > 0:
            filled = round(24 * done / total)
            bar = f"[{'━' * filled}{'·' * (24 - filled)}] {done:,}/{total:,} {unit}"
        else:
            bar = f"{done:,} {unit}" if done else unit
        left = "" if found.left is None else f"{duration(found.left)} left"
        beside = [left, found.latest]
        text = "  ".join([f"  … {title:<30} {bar}", *filter(None, beside)])
        if self._live is not None:
            self._live.update(Text(text))
        elif time.monotonic() - self._printed > _LINE_EVERY:
            self._printed = time.monotonic()
            self.console.print(Text(text))

    def interrupted(self, title: str, step: int) -> None:
        """A stage was interrupted."""
        self.interruption = f"interrupted in {title}" + (f" at step {step:,}" if step else "")

    def say(self, text: str) -> None:
        """A warning, beside the progress."""
        self.console.print(Text(f"  ! {text}", style="yellow"))

    def remark(self, text: str) -> None:
        """A message that is not a warning."""
        self.console.print(Text(f"  · {text}"))

    def finished(self, title: str, state: str, seconds: float, why: str) -> None:
        """A stage has ended."""
        mark, style = {"cached": ("=", "cyan"), "failed": ("✗", "red")}.get(state, ("✓", "green"))
        line = Text(f"  {mark} {title:<30} {state:<10}", style=style)
        line.append(f"{duration(seconds):>12}" if state != "cached" else "", style="default")
        line.append(f"  {why}" if why else "", style="yellow")
        self.console.print(line)


def plan_table(steps: Sequence[Step]) -> Table:
    """The plan: one line per stage, with the reasons if it runs."""
    table = Table(box=None, pad_edge=False, padding=(0, 2), header_style="bold")
    table.add_column("stage", no_wrap=True)
    table.add_column("plan", no_wrap=True)
    table.add_column("about", justify="right", no_wrap=True)
    table.add_column("why")
    for step in steps:
        style = "cyan" if step.state == "cached" else "green"
        took = "" if step.seconds is None or step.state == "cached" else duration(step.seconds)
        why = Text("\n".join(shortened(step.reasons)))  # names in it may look like markup
        table.add_row(step.title, Text(step.state, style=style), took, why)
    return table


def plan_summary(steps: Sequence[Step]) -> str:
    """`3 of 11 stages run, about 4 min 10 s (last time)`, and whether it was scaled."""
    runs = [step for step in steps if step.state == "run"]
    if not runs:
        return f"all {len(steps)} stages are cached: nothing to compute"
    known = [step.seconds for step in runs if step.seconds is not None]
    text = f"{len(runs)} of {len(steps)} stages run"
    if len(known) < len(runs):
        return text
    other = any(" → " in reason for step in runs for reason in step.reasons)
    beside = ", scaled to what changed; `temper plan --time` measures" if other else ""
    return f"{text}, about {duration(sum(known))} (last time{beside})"


def time_lines(expected: Mapping[str, Expected]) -> list[str]:
    """The estimated time of each stage and of the whole, and what is unknown."""
    if not expected:
        return []
    lines = ["trainings, measured here under the current load; other stages, as they last took:"]
    for title, stage in expected.items():
        word = "at most" if stage.at_most else "about"
        took = "unknown" if stage.seconds is None else f"{word} {duration(stage.seconds)}"
        parts = f"each batch in {stage.parts} parts" if stage.parts > 1 else ""
        notes = "; ".join(filter(None, [stage.missing, parts]))
        lines.append(f"  {title:<32} {took}{f'  ({notes})' if notes else ''}")
    known = [stage.seconds for stage in expected.values() if stage.seconds is not None]
    more = len(expected) - len(known)
    beside = f", plus {more} {'stages' if more > 1 else 'stage'} of unknown time" if more else ""
    return [*lines, f"in all about {duration(sum(known))}{beside}"]


def _interval(metrics: Mapping[str, float], named: MetricName, sign: str = "") -> str:
    name = str(named)
    if name not in metrics:
        return "–"
    text = numbers.bare(metrics[name], "number", sign)
    if named.model == SEEDS_MEAN:
        spread = metrics[str(replace(named, model=SEEDS_SPREAD))]
        return f"{text}\n± {numbers.bare(spread, 'number')}"
    low, high = metrics.get(named.low), metrics.get(named.high)
    if low is None or high is None:
        return text
    return f"{text}\n{numbers.interval(low, high, 'number', sign)}"


def results_table(metrics: Mapping[str, float], problems: Sequence[str]) -> Table:
    """Each problem's headline metric by model, and what the pre-trained one gains; intervals.

    Models that no problem has are left out.
    """
    headlines = {problem: headline_of(metrics, problem) for problem in problems}
    columns = {
        words: {name: MetricName(metric, model, name) for name, metric in headlines.items()}
        for model, words in MODELS.items()
    }
    for metric, words in DIFFERENCES.items():
        columns[words] = {name: MetricName(metric, problem=name) for name in problems}
    shown = {
        words: named
        for words, named in columns.items()
        if any(str(name) in metrics for name in named.values())
    }
    table = Table(box=None, pad_edge=False, padding=(0, 2), header_style="bold")
    for column in ("problem", "metric", *shown):
        table.add_column(column, no_wrap=True)
    for problem in problems:
        names = [named[problem] for named in shown.values()]
        cells = [_interval(metrics, n, "+" if n.metric in DIFFERENCES else "") for n in names]
        table.add_row(problem, headlines[problem], *cells)
    return table


def pretraining_line(metrics: Mapping[str, float]) -> str:
    """The loss of pre-training, and its shares, in a line."""
    shown = [
        name
        for name, metric in (objectives.metrics() | image_objectives.metrics()).items()
        if name == "validation_loss" or metric.unit == "share"
    ]
    found = [
        f"{name.replace('_', ' ')} {metrics[f'pretraining/{name}']:.3f}"
        for name in shown
        if f"pretraining/{name}" in metrics
    ]
    return f"pre-training: {', '.join(found)}"


def verdicts(
    metrics: Mapping[str, float],
    problems: Sequence[str],
    facts: Mapping[str, Mapping[str, Any]],
    methods: Mapping[str, str],
) -> list[str]:
    """What each gain says, and which models may have learnt nothing, a line each.

    Args:
        metrics: of the experiment.
        problems: their names.
        facts: what each problem's evaluation says in words (`evaluation.json`).
        methods: how the pre-trained model of each is tuned.
    """
    found = []
    for problem in problems:
        metric = headline_of(metrics, problem)
        found.append((problem, of_gain(metrics, compared(methods[problem]), problem)))
        if problem not in facts:
            continue
        known, headline = facts[problem], _metric_of(facts[problem])
        found.append((problem, over_seeds(metrics, metric, headline, problem)))
        found.append((problem, against_start(metrics, headline, problem)))
        found.append((problem, against_simple(metrics, headline, known.get("simple", ""), problem)))
        for model, words in {"": "", FROM_SCRATCH: "from scratch "}.items():
            if MetricName(metric, model, problem).low in metrics:
                said = beyond_majority(
                    metrics, metric, known["majority"], problem, model, sign=headline.sign
                )
                found.append((problem, said and f"{words}{said}"))
    return [f"{problem}: {text}" for problem, text in found if text]


def _metric_of(facts: Mapping[str, Any]) -> Metric:
    """The headline metric of an evaluation."""
    return Metric(**facts["metrics"][facts["headline"]])


def evaluation_facts(stages: Sequence[StageSummary]) -> dict[str, dict[str, Any]]:
    """The facts that each problem's evaluation wrote, from the evaluations' folders."""
    folders = {
        stage.title.problem: Path(stage.path)
        for stage in stages
        if stage.title.stage == "evaluation" and not stage.title.is_of_reference
    }
    return {
        problem: json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
        for problem, folder in folders.items()
    }


def findings(stages: Sequence[StageSummary]) -> list[str]:
    """What the stages behind the evaluations found, a line each."""
    found = []
    for stage in stages:
        file = Path(stage.path) / "finding.json"
        if file.is_file():
            said = json.loads(file.read_text(encoding="utf-8"))["sentences"]
            found += [f"{stage.title.problem}: {sentence}" for sentence in said]
    return found


def where_to_look(summary: RunSummary, state: Path) -> list[str]:
    """The addresses of the run, and how to start the servers."""
    found = summary.mlflow
    mlflow, prefect = found.url, summary.flow_run_url
    lines = []
    if not (mlflow and prefect):
        program = Path(sys.executable).parent / "temper"  # not on the path of `make demo`
        home = (
            "" if state == Path(".temper").absolute() else f"TEMPER_HOME={shlex.quote(str(state))} "
        )
        lines.append(f"to see more, start the servers:\n  {home}{shlex.quote(str(program))} up")
    from tasks.machinery.tracking.links import run_page

    mlflow = mlflow or run_page(
        f"http://127.0.0.1:{MLFLOW_PORT}", found.experiment_id, found.run_id
    )
    prefect = prefect or f"http://127.0.0.1:{PREFECT_PORT}/runs/flow-run/{summary.flow_run_id}"
    lines += [f"runs and models:\n  {mlflow}", f"flows and logs:\n  {prefect}"]
    lines += [
        f"report:\n  {stage.pages}/report.md"
        for stage in summary.stages
        if stage.title.stage == "report" and stage.pages
    ]
    models = [f"{stage.model}  {stage.title}" for stage in summary.stages if stage.model]
    if models:
        lines.append(
            "\n  ".join(["models, for `temper finetune`, `evaluate` and MLflow:", *models])
        )
    return lines
