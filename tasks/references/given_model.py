"""A model that a person names: what it is, and which data it was trained on."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tasks.machinery.execution.planner import PendingInput
from tasks.machinery.host.home import store_folder
from tasks.machinery.naming.markdown import escaped
from tasks.machinery.store.artifact import Artifact, Input
from tasks.machinery.store.store import Store
from tasks.machinery.tracking.tracking import Tracking
from tasks.models.files import configuration_of, require_labels
from tasks.references.lineage import Lineage
from tasks.references.resolving import resolve_model

UNKNOWN = (
    "Its training data are unknown, so Temper cannot check whether they contain rows of the test "
    "split. The results may be too good."
)
TUNED = (
    "**It was fine-tuned before, so its gain over random weights is not the gain of pre-training "
    "alone.**"
)
GAPS = (
    "Some of its training data are unknown or no longer in the store, so Temper cannot check "
    "whether they contain rows of the test split."
)


@dataclass(frozen=True)
class Given:
    """A model that a person referred to.

    Attributes:
        name: the reference as written.
        model: its files.
        lineage: its training data, as far as they are known.
    """

    name: str
    model: Input
    lineage: Lineage

    @cached_property
    def configuration(self) -> dict[str, Any]:
        """Its config.json."""
        return configuration_of(self.model.path, self.name)

    def require_labels(self, data: Artifact) -> None:
        """Check that it has the labels of the data; skipped while these are not prepared yet.

        Raises:
            StageError: the data have a label that the model does not have.
        """
        labels = data / "labels.json"
        if not isinstance(labels, PendingInput):
            asked = json.loads(labels.path.read_text(encoding="utf-8"))
            require_labels(asked, self.configuration, self.name)

    @property
    def origin_as_body(self) -> str:
        """Its description and origin, for a model that is fine-tuned further."""
        tuned = any(training.stage == "finetuning" for training in self.lineage.trainings)
        return f"{self.origin}\n\n{TUNED}" if tuned else self.origin

    @property
    def origin(self) -> str:
        """Its description and origin, by content alone, independent of the reference."""
        built = (self.configuration.get("architectures") or [self.configuration["model_type"]])[0]
        lines = [
            f"{escaped(str(built))}, content `{self.model.digest[:16]}`.",
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
        reference: the reference as written: see `resolving.py`.
        field: the field with the reference, for messages.
        experiment: the MLflow experiment of the run that uses it.
        say: called with messages about outages.

    Raises:
        StageError: there is no such model, or it cannot be read here.
    """
    store = Store(store_folder())
    model = resolve_model(reference, field, Tracking(experiment, say), store)
    return Given(reference, model, Lineage.of(model, store))


def _made(training: Artifact) -> str:
    verb = "Pre-trained" if training.stage == "pretraining" else "Fine-tuned"
    steps = f"{training.metrics['steps']:,.0f} steps, " if "steps" in training.metrics else ""
    return f"{verb} by Temper: {steps}`{training.name[: len(training.stage) + 13]}`."
