"""What the stages behind an evaluation look at and find, as a recipe passes it on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flows.recipes.stages import Table
from tasks.experiment.images.problem import ImageDownstream, ImageTuning
from tasks.experiment.problem import Downstream, FineTuning
from tasks.machinery.host.small_files import report
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


MOST_TIMES = 10  # as many passes over fewer labels


@dataclass(frozen=True)
class FewerLabels:
    """A share of the labels to fine-tune with.

    Attributes:
        share: of all labels.
        data: the rows, as fine-tuning reads them.
    """

    share: float
    data: Input

    def training(self, usual: FineTuning | ImageTuning) -> FineTuning | ImageTuning:
        """The training with more passes over all of these rows, at most MOST_TIMES as many.

        With as many passes as over all labels, a small share would be trained for a few steps, and
        the curve would be one of steps (Mosbach et al. 2021, "On the stability of fine-tuning
        BERT", ICLR, section 5: few examples need more passes).
        """
        epochs = round(usual.epochs * min(1 / self.share, MOST_TIMES))
        return usual.model_copy(update={"epochs": epochs, "train_examples": 0})


@dataclass(frozen=True)
class Pretrained:
    """A model that was pre-trained in this run, its family, and what it was validated on."""

    artifact: Artifact
    family: str
    tokens: Artifact
    tokenizer: Artifact


@dataclass(frozen=True)
class Subject:
    """A problem that was evaluated.

    Attributes:
        problem: what was fine-tuned on.
        data: its rows, of stage `dataset` or `pixels`.
        models: what was evaluated: `model`, and `from_scratch` or None.
        evaluation: of them.
        table: the stages of text, or of images.
        retune: fine-tunes one of these models again, by its name, with fewer labels.
        source: where the rows come from; None of pictures.
        tests: its further test sets, in their order.
        corpora: the text that the model is known to be pre-trained on.
        pretrained: the model before it was fine-tuned, where this run pre-trained it.
    """

    problem: Downstream | ImageDownstream
    data: Artifact
    models: Mapping[str, Input | None]
    evaluation: Artifact
    table: Table
    retune: Callable[[str, FewerLabels], Input]
    source: Source | None = None
    tests: Sequence[Artifact] = ()
    corpora: Sequence[Input] = ()
    pretrained: Pretrained | None = None

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


def leave_out(
    field: str, problem: Downstream | ImageDownstream, why: str, accepted: Sequence[str]
) -> None:
    """Say that a problem is left out: those of one experiment may be of several kinds."""
    report(
        f"{field}: downstream.{problem.name} is left out, since the answers of {problem.kind} "
        f"{why}; accepted: {', '.join(accepted)}"
    )
