"""A registered model in MLflow: its versions, its champion, and every decision about them.

    alias `champion`                    the version to use: models:/NAME@champion
    alias `previous`                    the version that `temper rollback` restores
    tags `temper.decision.0001`, …      of the version decided about, as JSON: the history
    tags `temper.outcome`, …            the last decision about the version, for people

A decision is first written to one tag of the registered model, then to its version; then the
aliases are moved. After a kill in between, the next process does the rest. An alias that a person
moves in MLflow's UI is respected.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from filelock import FileLock
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from tasks.contract import StageError
from tasks.machinery.host.home import home
from tasks.machinery.naming.registered_names import ACCEPTED_NAME
from tasks.machinery.naming.spelling import nearest
from tasks.machinery.tracking.decisions import WORDS, Recorded
from tasks.machinery.tracking.tags import (
    BY,
    DECISION_OF,
    DECISION_RUN_ID,
    GAIN,
    MOVING,
    OUTCOME,
    REASONS,
    RULE,
    WHEN,
)

CHAMPION, PREVIOUS = "champion", "previous"


class Registry:
    """One registered model.

    Args:
        client: MLflow.
        name: of the registered model.
    """

    def __init__(self, client: MlflowClient, name: str) -> None:
        self.client, self.name = client, name

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Let one process at a time decide; first complete a decision that was interrupted."""
        folder = home() / "models"
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f"{re.sub(r'[^A-Za-z0-9._-]', '_', self.name)}.lock"):
            self._finish_moving()
            yield

    def exists(self) -> bool:
        """Whether MLflow has such a registered model."""
        return self._model() is not None

    def require(self) -> None:
        """Check that the registered model exists.

        Raises:
            StageError: it does not; the message has the nearest name.
        """
        if self.exists():
            return
        names = [found.name for found in self.client.search_registered_models()]
        listed = f"Registered: {', '.join(names)}" if names else "None is registered yet"
        raise StageError(f"no registered model {self.name!r}{nearest(self.name, names)}. {listed}")

    def _model(self) -> Any:
        try:
            return self.client.get_registered_model(self.name)
        except MlflowException as error:
            if error.error_code == "INVALID_PARAMETER_VALUE":
                raise StageError(
                    f"{self.name!r} is not a valid name of a registered model; accepted: "
                    f"{ACCEPTED_NAME}"
                ) from None
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return None

    def aliases(self) -> dict[str, str]:
        """The versions of the aliases."""
        model = self._model()
        return {alias: str(version) for alias, version in model.aliases.items()} if model else {}

    def champion(self) -> str:
        """Version of the champion; empty if there is none."""
        return self.aliases().get(CHAMPION, "")

    def previous(self) -> str:
        """Version that a rollback restores; empty if there is none."""
        return self.aliases().get(PREVIOUS, "")

    def versions(self) -> list[Any]:
        """All versions, the oldest first."""
        found = self.client.search_model_versions(f"name = '{self.name}'", max_results=10_000)
        return sorted(found, key=lambda each: int(each.version))

    def version(self, number: str) -> Any:
        """One version.

        Raises:
            StageError: no version has that number.
        """
        found = {str(each.version): each for each in self.versions()}
        if number not in found:
            listed = ", ".join(found) or "none"
            raise StageError(f"{self.name} has no version {number!r}. Accepted: {listed}")
        return found[number]

    def tagged(self, tag: str, value: str) -> str:
        """The newest version that has a tag; empty if none has."""
        found = [each.version for each in self.versions() if each.tags.get(tag) == value]
        return str(found[-1]) if found else ""

    def decisions(self) -> list[Recorded]:
        """Every decision, the oldest first."""
        found = [
            Recorded.model_validate_json(value)
            for version in self.versions()
            for tag, value in version.tags.items()
            if tag.startswith(DECISION_OF)
        ]
        return sorted(found, key=lambda each: each.number)

    def next_number(self) -> int:
        """The number of the next decision; decisions of deleted versions are gone."""
        return max((each.number for each in self.decisions()), default=0) + 1

    def register(self, model_id: str, run_id: str, lineage: Mapping[str, str]) -> str:
        """Register a logged model as a version, with its lineage as tags."""
        if not self.exists():
            self.client.create_registered_model(
                self.name, description="`temper retrain` decides which version is the champion."
            )
        made = self.client.create_model_version(
            self.name, f"models:/{model_id}", run_id, dict(lineage), model_id=model_id
        )
        return str(made.version)

    def tag(self, version: str, values: Mapping[str, str]) -> None:
        """Set tags of a version."""
        for name, value in values.items():
            self.client.set_model_version_tag(self.name, version, name, value)

    def record(self, decision: Recorded) -> None:
        """Store a decision, then carry it out."""
        self.client.set_registered_model_tag(self.name, MOVING, decision.model_dump_json())
        self._finish_moving()

    def _finish_moving(self) -> None:
        """Carry out the last decision, if that was interrupted."""
        model = self._model()
        if model is None or MOVING not in model.tags:
            return
        text = model.tags[MOVING]
        decision = Recorded.model_validate_json(text)
        self.tag(decision.version, {f"{DECISION_OF}{decision.number:04}": text} | shown(decision))
        for alias, version in ((PREVIOUS, decision.previous), (CHAMPION, decision.champion)):
            if version:
                self.client.set_registered_model_alias(self.name, alias, version)
            elif alias in model.aliases:
                self.client.delete_registered_model_alias(self.name, alias)
        self.client.delete_registered_model_tag(self.name, MOVING)


def shown(decision: Recorded) -> dict[str, str]:
    """A decision as tags for the page of a version."""
    tags = {
        OUTCOME: WORDS[decision.outcome],
        BY: decision.by,
        WHEN: decision.when.isoformat(timespec="seconds"),
        REASONS: "; ".join(decision.reasons),
    }
    if decision.gain:
        tags[GAIN] = f"{decision.gain_text} of {decision.metric}"
        tags[RULE] = json.dumps(decision.rule)
        tags[DECISION_RUN_ID] = decision.run_id
    return tags
