"""What the stages behind an evaluation look at and find, as a recipe passes it on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flows.recipes.stages import Table
from tasks.experiment.images.problem import ImageDownstream
from tasks.experiment.problem import Downstream
from tasks.machinery.store.artifact import Artifact, Input
from tasks.sources import Source


@dataclass(frozen=True)
class Finding:
    """What a stage behind an evaluation found, and its title."""

    title: str
    artifact: Artifact


@dataclass(frozen=True)
class Evaluated:
    """The evaluation of a problem, and the findings behind it."""

    evaluation: Artifact
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Subject:
    """A problem that was evaluated.

    Attributes:
        problem: what was fine-tuned on.
        data: its rows, of stage `dataset` or `pixels`.
        models: what was evaluated: `model`, and `from_scratch` or None.
        evaluation: of them.
        table: the stages of text, or of images.
        source: where the rows come from; None of pictures.
        corpora: the text that the model is known to be pre-trained on.
    """

    problem: Downstream | ImageDownstream
    data: Artifact
    models: Mapping[str, Input | None]
    evaluation: Artifact
    table: Table
    source: Source | None = None
    corpora: Sequence[Input] = ()

    @property
    def answers(self) -> Input:
        """The answers of the model to the test split, and the labels in their order."""
        return self.evaluation.whole.only("predictions.parquet", "classes.json")


def findings_of(evaluated: Sequence[Evaluated]) -> dict[str, Any]:
    """All findings, for the report; nothing where there are none, as in earlier keys."""
    found = [finding for each in evaluated for finding in each.findings]
    if not found:
        return {}
    return {
        "findings": [finding.artifact.whole for finding in found],
        "found_by": [finding.title for finding in found],
    }
