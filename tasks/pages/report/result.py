"""The results of an evaluation, as the page shows them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.experiment.training import FULL
from tasks.machinery.naming.metric_name import OVER_SIMPLE, OVER_START, SEEDS, MetricName
from tasks.pages import numbers as pages
from tasks.pages.evaluation_card import of_seeds
from tasks.problems import Metric
from tasks.statistics import numbers
from tasks.statistics.verdict import (
    against_simple,
    against_start,
    beyond_majority,
    compared,
    over_seeds,
    simple_verdict,
)


@dataclass(frozen=True)
class Result:
    """A problem by its name in the experiment, and the results of its evaluation.

    Attributes:
        name: of the problem.
        folder: of the evaluation.
        metrics: that it measured.
        facts: what it measured, in words.
        method: of tuning, of the pre-trained model; the one from scratch always learns in full.
    """

    name: str
    folder: Path
    metrics: dict[str, float]
    facts: dict[str, Any]
    method: str = FULL

    @property
    def compared(self) -> str:
        """What a gain compares, in words; empty where it is pre-training alone."""
        return compared(self.method)

    @property
    def compares(self) -> bool:
        """Whether there is a model from scratch to compare with."""
        return "gain" in self.metrics

    @property
    def metric(self) -> Metric:
        """The headline metric."""
        return Metric(**self.facts["metrics"][self.facts["headline"]])

    @property
    def beyond_majority(self) -> str:
        """The remark on a model that may have learnt nothing; empty if it has learnt."""
        facts = self.facts
        return beyond_majority(
            self.metrics, facts["headline"], facts["majority"], sign=self.metric.sign
        )

    @property
    def gain(self) -> str:
        """The gain with its interval, or a dash where there is none."""
        return pages.gain(self.metrics, self.metric.unit)

    @property
    def over_simple(self) -> str:
        """The difference from the simple model with its interval, or a dash where there is none."""
        return pages.gain(self.metrics, self.metric.unit, OVER_SIMPLE)

    @property
    def simple_end(self) -> str:
        """BETTER, WORSE or OPEN: the model against the simple one; empty where there is none."""
        return simple_verdict(self.metrics)

    @property
    def lost_by(self) -> str:
        """How much better the simple model is: `by 8.6 points`."""
        return f"by {numbers.amount_of(self.metrics[OVER_SIMPLE], self.metric.unit)}"

    @property
    def against_simple(self) -> str:
        """Who is better, the model or the simple one; empty where there is none."""
        return against_simple(self.metrics, self.metric, self.facts.get("simple", ""))

    @property
    def over_start(self) -> str:
        """The difference from the model before pre-training here, or a dash where there is none."""
        return pages.gain(self.metrics, self.metric.unit, OVER_START)

    @property
    def against_start(self) -> str:
        """Whether continuing the pre-training helped; empty where that was not measured."""
        return against_start(self.metrics, self.metric)

    @property
    def of_seeds(self) -> str:
        """The headline metric over several training seeds, or a dash where there is one."""
        if SEEDS not in self.metrics:
            return "–"
        return of_seeds(self.metrics, self.facts["headline"], self.metric)

    @property
    def over_seeds(self) -> str:
        """The spread over several training seeds in a sentence; empty where there is one."""
        return over_seeds(self.metrics, self.facts["headline"], self.metric)

    def measured(self, model: str = "") -> str:
        """The headline metric of a model with its interval, or a dash if there is none."""
        name = MetricName(self.facts["headline"], model)
        return pages.result(self.metrics, name, self.metric.unit)


def read_result(name: str, folder: Path, method: str = FULL) -> Result:
    """The results of an evaluation from its folder."""
    metrics, facts = (
        json.loads((folder / file).read_text(encoding="utf-8"))
        for file in ("metrics.json", "evaluation.json")
    )
    return Result(name, folder, metrics, facts, method)
