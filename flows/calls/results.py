"""What the functions of Python return: typed, as tables of pandas, and shown inline in Jupyter."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from flows.calls.named import Named
from tasks.comparison.comparison import Comparison
from tasks.comparison.page import ONE_SETTING, page_of
from tasks.experiment.experiment import Experiment
from tasks.experiment.images.experiment import ImageExperiment
from tasks.machinery.execution.planner import Step, shortened
from tasks.machinery.execution.summary import RunSummary
from tasks.machinery.naming.metric_name import DOWNSTREAM, MetricName
from tasks.machinery.naming.title import Title
from tasks.pages.document import Document
from tasks.pages.html import to_fragment
from tasks.timing.derived import Derived, lines_of

_FIGURE = re.compile(r"!\[([^\]]*)\]\(([^)\s]+\.png)\)")


@dataclass(frozen=True)
class Plan:
    """What a run would compute.

    Attributes:
        experiment: with the changes.
        steps: a stage each, in the order of the run.
        numbers: of the pre-training: parameters, tokens a step, passes over the corpus; None
            without one.
    """

    experiment: Experiment | ImageExperiment
    steps: tuple[Step, ...]
    numbers: Derived | None

    @property
    def to_run(self) -> list[str]:
        """The titles of the stages that would run; the others are cached."""
        return [step.title for step in self.steps if step.state == "run"]

    @cached_property
    def table(self) -> pd.DataFrame:
        """A row for each stage: `plan` (run or cached), `seconds` of the last time, and `why`."""
        return pd.DataFrame(
            {
                "stage": [step.title for step in self.steps],
                "plan": [step.state for step in self.steps],
                "seconds": [step.seconds for step in self.steps],
                "why": ["; ".join(shortened(step.reasons)) for step in self.steps],
            }
        ).set_index("stage")

    @property
    def _said(self) -> list[str]:
        numbers = lines_of(self.numbers) if self.numbers else []
        return [f"{len(self.to_run)} of {len(self.steps)} stages run", *numbers]

    def __repr__(self) -> str:
        """A line for each stage, as `temper plan` has them."""
        lines = [
            f"{step.title:<32} {step.state:<7} {'; '.join(shortened(step.reasons))}".rstrip()
            for step in self.steps
        ]
        return "\n".join([*lines, *self._said])

    def _repr_html_(self) -> str:
        said = self._said
        return f"{self.table.to_html()}<p>{'<br>'.join(map(escape, said))}</p>"


@dataclass(frozen=True)
class Run:
    """A run of an experiment that is complete.

    Attributes:
        experiment: with the changes.
        summary: the stages, all metrics, and where MLflow has the run: as `temper run --output`.
    """

    experiment: Experiment | ImageExperiment
    summary: RunSummary

    @property
    def id(self) -> str:
        """The id of the run in MLflow."""
        return self.summary.mlflow.run_id

    @property
    def computed(self) -> list[str]:
        """The titles of the stages that were computed; the others were cached."""
        return [str(each.title) for each in self.summary.stages if each.state != "cached"]

    @property
    def models(self) -> Named[str]:
        """The models in MLflow by their stage: `finetuning mood`, `pretraining`; for `predict`."""
        stages = self.summary.stages
        return Named("model", {str(each.title): each.model for each in stages if each.model})

    def metric(self, name: str) -> float:
        """The value of a metric: `mood/accuracy`, or its whole name in MLflow.

        Raises:
            UnknownNameError: the run does not have it; with the accepted names.
        """
        every = self.summary.metrics
        known = Named("metric", {each.removeprefix(f"{DOWNSTREAM}/"): each for each in every})
        return every[name if name in every else known[name]]

    @cached_property
    def metrics(self) -> pd.DataFrame:
        """A row for each metric, with its interval: of which problem or stage, and of which model.

        `model` is whose metric it is: empty for the model of the run, `from_scratch`, `majority`,
        `simple`, ….
        """
        return metrics_table(self.summary.metrics)

    @cached_property
    def report(self) -> str:
        """The report as Markdown, with its figures."""
        folder = Path(self.summary.stage(Title("report")).pages)
        text = (folder / "report.md").read_text(encoding="utf-8")
        return _FIGURE.sub(lambda found: _embedded(found, folder), text)

    def __repr__(self) -> str:
        """Which run it is, and how many stages it computed."""
        stages = f"computed {len(self.computed)} of {len(self.summary.stages)} stages"
        return f"run {self.id} of {self.summary.experiment}: {stages}"

    def _repr_markdown_(self) -> str:
        return self.report


def _embedded(found: re.Match[str], folder: Path) -> str:
    """A figure as a part of the text."""
    file = folder / found[2].replace("%20", " ")
    if not file.is_file():
        return found[0]
    return f"![{found[1]}](data:image/png;base64,{base64.b64encode(file.read_bytes()).decode()})"


def metrics_table(metrics: Mapping[str, float]) -> pd.DataFrame:
    """Metrics by their names in MLflow, a row each, with the ends of their intervals or NaN."""
    known = {name: MetricName.parse(name) for name in metrics}
    return pd.DataFrame(
        [
            {
                "of": named.problem or named.stage,
                "model": named.model,
                "metric": named.metric,
                "value": metrics[name],
                "low": metrics.get(named.low, float("nan")),
                "high": metrics.get(named.high, float("nan")),
            }
            for name, named in known.items()
            if not named.end
        ],
        columns=["of", "model", "metric", "value", "low", "high"],
    )


@dataclass(frozen=True)
class Compared:
    """A comparison of runs.

    Attributes:
        found: the comparison.
    """

    found: Comparison

    @cached_property
    def metrics(self) -> pd.DataFrame:
        """A row for each metric and run: `value`, its interval, and whether it is the best."""
        labels, rows = self.found.labels, []
        for row in self.found.metrics:
            named = MetricName.parse(row.name)
            rows += [
                {
                    "of": named.problem or named.stage,
                    "model": named.model,
                    "metric": named.metric,
                    "run": label,
                    "value": each.value,
                    "low": each.low,
                    "high": each.high,
                    "best": number in row.best,
                }
                for number, (label, each) in enumerate(zip(labels, row.values, strict=True))
                if each is not None
            ]
        names = ["of", "model", "metric", "run", "value", "low", "high", "best"]
        return pd.DataFrame(rows, columns=names).astype({"low": float, "high": float})

    @cached_property
    def differences(self) -> pd.DataFrame:
        """A row for each pair of runs and problem: paired, with p-value and verdict.

        Where it is empty, `untested` says why.
        """
        names = ["problem", "metric", "first", "second", "difference", "low", "high"]
        return pd.DataFrame(
            columns=[*names, "p", "p_corrected", "verdict"],
            data=[
                {
                    "problem": each.problem,
                    "metric": each.metric,
                    "first": each.first,
                    "second": each.second,
                    "difference": each.value,
                    "low": each.low,
                    "high": each.high,
                    "p": each.p,
                    "p_corrected": each.adjusted,
                    "verdict": each.verdict,
                }
                for each in self.found.differences
            ],
        )

    @property
    def untested(self) -> list[str]:
        """Why there is no difference of some runs and problems, a sentence each."""
        if len(self.found.settings) == 1:
            return [f"{ONE_SETTING} nothing is tested", *self.found.untested]
        return list(self.found.untested)

    def __repr__(self) -> str:
        """The runs, and what is shown of their differences."""
        runs = [
            f"{label}: {run.name} ({run.run_id[:8]})"
            for label, run in zip(self.found.labels, self.found.runs, strict=True)
        ]
        said = [f"{each.problem}: {each.sentence}" for each in self.found.differences]
        return "\n".join([*runs, *(said + self.untested or ["nothing could be tested"])])

    @property
    def runs(self) -> dict[str, str]:
        """The id of each run in MLflow, by its label."""
        runs = zip(self.found.labels, self.found.runs, strict=True)
        return {label: run.run_id for label, run in runs}

    @property
    def settings(self) -> pd.DataFrame:
        """The parameters that differ: a row each, a column for each run."""
        return _side_by_side(self.found.parameters, self.found.labels)

    @cached_property
    def page(self) -> Document:
        """The page, with its figures."""
        return page_of(self.found)

    def _repr_html_(self) -> str:
        return to_fragment(self.page)


def _side_by_side(rows: Mapping[str, Sequence[Any]], labels: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame.from_dict(dict(rows), orient="index", columns=list(labels))
