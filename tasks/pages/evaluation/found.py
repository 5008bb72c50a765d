"""The files of stage `evaluation`, read for its page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.data.tally import cell
from tasks.pages.figures import Points
from tasks.problems import Metric
from tasks.statistics.verdict import beyond_majority

SAMPLES = 8  # of what a model writes


@dataclass(frozen=True)
class Found:
    """What stage `evaluation` left in its folder.

    Attributes:
        metrics: as `evaluate` returns them.
        facts: what was measured, in words: evaluation.json.
        report: precision, recall, F1 and support of each class; empty where there are none.
        names: the classes of the confusion matrix.
        confusion: how often each was predicted for each: shape (names, names), true first.
        worst: the rows with the largest errors, the worst first, as `Described`.
        points: truth and answer of each row, if they are numbers.
        reliability: how sure the answers are and how many are right, in bins, if they have
            probabilities: `Bin` of tasks/problems/calibration.py.
        curves: recall and precision of each class, where answers have scores and no truth each.
        samples: prompts with their targets and what the model wrote, where it writes texts.
    """

    metrics: dict[str, float]
    facts: dict[str, Any]
    report: pd.DataFrame
    names: list[str]
    confusion: NDArray[np.int64]
    worst: list[dict[str, Any]]
    points: Points
    reliability: list[dict[str, Any]]
    curves: dict[str, Points] = field(default_factory=dict)
    samples: list[list[str]] = field(default_factory=list)

    @classmethod
    def read(cls, folder: Path) -> Found:
        """Read an evaluation's folder."""
        metrics, facts, classes, rows = (
            json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
            for name in ("metrics", "evaluation", "classes", "rows")
        )
        return cls(
            metrics,
            facts,
            pd.DataFrame(classes["report"]),
            classes["names"],
            np.array(classes["confusion"]),
            rows["worst"],
            rows["points"],
            rows.get("reliability", []),
            rows.get("curves", {}),
            samples_of(folder / "predictions.parquet") if writes(facts) else [],
        )

    @property
    def headline(self) -> Metric:
        """The headline metric."""
        return Metric(**self.facts["metrics"][self.facts["headline"]])

    def learnt(self, model: str = "") -> str:
        """What to say of a model that may have learnt nothing; empty where it has."""
        facts, sign = self.facts, self.headline.sign
        return beyond_majority(
            self.metrics, facts["headline"], facts["majority"], model=model, sign=sign
        )


def writes(facts: Mapping[str, Any]) -> bool:
    """Whether the rows of an evaluation are prompts, which a model answers with texts."""
    return str(facts["rows"]).endswith(" prompts")


def samples_of(predictions: Path) -> list[list[str]]:
    """Of each of some documents a prompt, its target, and what the model wrote."""
    table = pd.read_parquet(predictions, columns=["document", "prompt", "gold", "predicted"])
    rows = table.drop_duplicates("document").head(SAMPLES).to_dict("records")
    names = ("prompt", "gold")
    return [
        [*(cell(row[name]) for name in names), cell(row["predicted"]["text"]) or "–"]
        for row in rows
    ]
