"""A model that is given, and not made by this run: what it is, and what it may have learnt from."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tasks.machinery.execution.planner import PendingInput
from tasks.machinery.host.home import store_folder
from tasks.machinery.store.artifact import Artifact, Input
from tasks.machinery.store.store import Store
from tasks.machinery.tracking.tracking import Tracking
from tasks.models.files import configuration_of, require_labels
from tasks.references.lineage import Lineage
from tasks.references.resolving import resolve_model

UNKNOWN = (
    "What it was pre-trained on is not known: whether it has seen rows of the test cannot be "
    "checked, and the results may be too good."
)
TUNED = (
    "**It was fine-tuned before: what it gains over random weights is not what pre-training alone "
    "would gain.**"
)
GAPS = (
    "Not all of what it learnt from is known or still in the store: whether the rest holds rows of "
    "the test cannot be checked."
)


@dataclass(frozen=True)
class Given:
    """A model as it was referred to.

    Attributes:
        name: what a person wrote.
        model: its files.
        lineage: what it learnt from, as far as that is known.
    """

    name: str
    model: Input
    lineage: Lineage

    @cached_property
    def configuration(self) -> dict[str, Any]:
        """Its config.json."""
        return configuration_of(self.model.path, self.name)

    def require_labels(self, data: Artifact) -> None:
        """Check that it answers the labels of the data; nothing while these are to be prepared.

        Raises:
            StageError: the data have a label that it does not know.
        """
        labels = data / "labels.json"
        if not isinstance(labels, PendingInput):
            asked = json.loads(labels.path.read_text(encoding="utf-8"))
            require_labels(asked, self.configuration, self.name)

    @property
    def origin_as_body(self) -> str:
        """What it is and where it comes from, where it is fine-tuned further."""
        tuned = any(training.stage == "finetuning" for training in self.lineage.trainings)
        return f"{self.origin}\n\n{TUNED}" if tuned else self.origin

    @property
    def origin(self) -> str:
        """What it is and where it comes from, by content alone: however it was referred to."""
        built = (self.configuration.get("architectures") or [self.configuration["model_type"]])[0]
        lines = [
            f"{built}, content `{self.model.digest[:16]}`.",
            *map(_made, self.lineage.trainings),
        ]
        if not self.lineage.trainings:
            lines.append(UNKNOWN)
        elif self.lineage.gaps:
            lines.append(GAPS)
        return "\n\n".join(lines)


def find_model(reference: str, field: str, experiment: str, say: Callable[[str], None]) -> Given:
    """The model that a person refers to, by its content.

    Args:
        reference: what they wrote: see `machinery/models.py`.
        field: the field it stands in, for messages.
        experiment: in MLflow, of the run that uses it.
        say: told of outages.

    Raises:
        StageError: there is no such model, or it is none that can be read here.
    """
    store = Store(store_folder())
    model = resolve_model(reference, field, Tracking(experiment, say), store)
    return Given(reference, model, Lineage.of(model, store))


def _made(training: Artifact) -> str:
    verb = "Pre-trained" if training.stage == "pretraining" else "Fine-tuned"
    steps = f"{training.metrics['steps']:,.0f} steps, " if "steps" in training.metrics else ""
    return f"{verb} by Temper: {steps}`{training.name[: len(training.stage) + 13]}`."
