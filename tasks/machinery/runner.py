"""Runs a stage: fingerprint, reuse or compute, verify, record."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prefect import task
from prefect.artifacts import create_link_artifact, create_markdown_artifact
from prefect.cache_policies import CachePolicy
from prefect.context import TaskRunContext
from pydantic import BaseModel, model_validator

from tasks.machinery.call import Arguments, key_of, paths_of, title_of
from tasks.machinery.checkpoints import newest_checkpoint, step_of
from tasks.machinery.fingerprint import digest
from tasks.machinery.home import store_folder
from tasks.machinery.monitor import Display, StageMonitor
from tasks.machinery.recording import Recording, closing
from tasks.machinery.stage import Stage
from tasks.machinery.store import Artifact, Store
from tasks.machinery.tracking import TrackedRun, as_dataset


class StageFailedError(Exception):
    """A stage did not complete; everything before it is kept."""

    def __init__(self, title: str, cause: BaseException) -> None:
        self.title, self.cause = title, cause
        super().__init__(f"{title} failed: {cause}")


class Reference(BaseModel):
    """What Prefect keeps of a stage: where its artifact is. Reading it verifies the files.

    Prefect treats a stored result that cannot be read as a miss, so a damaged artifact is computed
    again.
    """

    stage: str
    fingerprint: str

    @model_validator(mode="after")
    def _files_are_what_they_were(self) -> Reference:
        artifact = self.artifact()
        damage = artifact.damage()
        if damage:
            raise ValueError(damage)
        return self

    def artifact(self) -> Artifact:
        """The artifact; ValueError if there is none."""
        artifact = Store(store_folder()).load(self.stage, self.fingerprint)
        if artifact is None:
            raise ValueError(f"{self.stage} {self.fingerprint[:12]} is not in the store")
        return artifact


@dataclass
class ByFingerprint(CachePolicy):
    """Prefect's cache key is the stage's fingerprint."""

    fingerprint: str = ""

    def compute_key(
        self,
        task_ctx: TaskRunContext,  # noqa: ARG002
        inputs: dict[str, Any],  # noqa: ARG002
        flow_parameters: dict[str, Any],  # noqa: ARG002
        **kwargs: Any,  # noqa: ARG002
    ) -> str:
        """The fingerprint, whatever Prefect knows of the inputs."""
        return self.fingerprint


@dataclass
class Outcome:
    """How a stage ended, as the table of results and `--output` show it."""

    name: str
    label: str
    state: str
    artifact: Artifact
    why: str = ""

    @property
    def title(self) -> str:
        """The stage's name, with the problem it is about."""
        return title_of(self.name, self.label)


@dataclass
class Runner:
    """Runs the stages of one experiment in one flow run.

    Attributes:
        recording: where and how runs in MLflow are made.
        display: the terminal.
        refresh: names of stages to compute although they are in the store.
        store: where artifacts are.
        outcomes: how each stage ended, filled as they run.
    """

    recording: Recording
    display: Display
    refresh: frozenset[str] = frozenset()
    store: Store = field(default_factory=lambda: Store(store_folder()))
    outcomes: list[Outcome] = field(default_factory=list)

    def __call__(self, stage: Stage, label: str = "", /, **arguments: Any) -> Artifact:
        """Compute the stage, or reuse it where all is as it was."""
        call = Call(self, stage, label, arguments)
        self.display.started(call.title)
        begun = time.monotonic()
        try:
            outcome = self._outcome(call)
        except StageFailedError:
            self.display.finished(call.title, "failed", time.monotonic() - begun, "")
            raise
        self.outcomes.append(outcome)
        self.display.finished(call.title, call.state, time.monotonic() - begun, call.why)
        return outcome.artifact

    def _outcome(self, call: Call) -> Outcome:
        run_task = task(
            name=call.stage.name,
            task_run_name=call.title,
            cache_policy=ByFingerprint(fingerprint=call.fingerprint),
            refresh_cache=call.refresh,
            persist_result=True,
            result_serializer="json",
        )(call.compute)
        state = run_task(return_state=True)
        if state.is_failed() or state.is_crashed():
            raise StageFailedError(call.title, call.failure or _exception(state))
        outcome = Outcome(
            call.stage.name, call.label, call.state, state.result().artifact(), call.why
        )
        try:
            self._record(outcome, call.arguments)
        except Exception as problem:
            raise StageFailedError(f"recording {call.title} in MLflow", problem) from problem
        return outcome

    def metrics(self) -> dict[str, float]:
        """All metrics of the experiment, by the names they have on its run."""
        return {
            f"{prefix}/{name}": value
            for outcome in self.outcomes
            if (prefix := metric_prefix(outcome.name, outcome.label))
            for name, value in outcome.artifact.metrics.items()
        }

    def _record(self, outcome: Outcome, arguments: Arguments) -> None:
        """Make the parent a complete row, however the stage came about."""
        artifact, parent = outcome.artifact, self.recording.parent
        with self.store.locked(artifact.stage, artifact.fingerprint):
            if not self.recording.tracking.knows(artifact.record):
                self.recording.record(outcome.title, artifact, arguments)
        dataset = as_dataset(artifact)
        if dataset is not None:
            parent.reads({outcome.title: dataset})
        tags = {
            f"temper.stage.{outcome.title}": f"{outcome.state} {artifact.record['run_id']}",
            f"temper.digest.{outcome.title}": artifact.whole.digest[:16],
        }
        libraries = artifact.key["libraries"].items()
        parent.tags(tags | {f"temper.version.{name}": value for name, value in libraries})
        prefix = metric_prefix(outcome.name, outcome.label)
        if prefix:
            parent.result({f"{prefix}/{k}": v for k, v in artifact.metrics.items()})
        show_card(artifact, outcome.title)


def _exception(state: Any) -> BaseException:
    result = state.result(raise_on_failure=False)
    return result if isinstance(result, BaseException) else RuntimeError(state.message)


def metric_prefix(name: str, label: str) -> str:
    """What a stage's metrics start with on the experiment's run; empty: they are not there."""
    if name == "evaluation":
        return f"downstream/{label}"
    return name if name == "pretraining" else ""


@dataclass
class Call:
    """One stage with its arguments, about to run as a Prefect task."""

    runner: Runner
    stage: Stage
    label: str
    arguments: Arguments
    state: str = "cached"
    why: str = ""
    failure: BaseException | None = None

    def __post_init__(self) -> None:
        self.key = key_of(self.stage, self.arguments)
        self.fingerprint = digest(self.key)
        self.title = title_of(self.stage.name, self.label)
        self.refresh = self.stage.name in self.runner.refresh

    def compute(self) -> Reference:
        """The body of the task, after Prefect's cache missed: look in the store, else compute."""
        store = self.runner.store
        with store.locked(self.stage.name, self.fingerprint, self._waiting) as folder:
            found = store.load(self.stage.name, self.fingerprint)
            damage = found.damage() if found else None
            if found is None or damage or self.refresh:
                self.state = "completed"
                self.why = f"recomputed: {damage}" if damage else ""
                try:
                    self._compute(folder)
                except BaseException as problem:
                    self.failure = problem
                    raise
        return Reference(stage=self.stage.name, fingerprint=self.fingerprint)

    def _waiting(self, owner: str) -> None:
        self.runner.display.progress(self.title, 0, 0, f"waiting for {owner}", None)

    def _compute(self, folder: Path) -> None:
        """Compute into the folder, under a run in MLflow whose status is true."""
        runner, recording = self.runner, self.runner.recording
        if self.refresh:  # computing anew is not going on
            shutil.rmtree(folder / "checkpoints", ignore_errors=True)
            (folder / "run.json").unlink(missing_ok=True)
        (folder / "record.json").unlink(missing_ok=True)
        checkpoint = newest_checkpoint(folder / "checkpoints")
        if checkpoint is not None:
            self.why = f"went on from step {step_of(checkpoint):,}"
        run = recording.open(self.title, self.fingerprint, self.key, folder)
        begun = time.monotonic()
        with closing(run):
            run.watch_system()
            show_link(run, recording.tracking.uri)
            recording.reads(run, self.arguments)
            function = self.stage.load()
            output = runner.store.begin(folder)
            monitor = StageMonitor(self.title, folder, run, runner.display)
            metrics = function(**paths_of(self.arguments), out=output, monitor=monitor)
            seconds = time.monotonic() - begun
            artifact = runner.store.complete(folder, self.key, metrics, monitor.facts, seconds)
            recording.write(run, artifact, self.arguments)


def show_link(run: TrackedRun, uri: str) -> None:
    """Link the task in Prefect to the run in MLflow, where MLflow has an address."""
    if uri.startswith("http"):
        address = f"{uri}/#/experiments/{run.experiment_id}/runs/{run.run_id}"
        create_link_artifact(link=address, link_text="run in MLflow", key="mlflow-run")


def show_card(artifact: Artifact, title: str) -> None:
    """Show the stage's page as an artifact in Prefect."""
    card = artifact.path / "show" / "card.md"
    if card.is_file():
        key = "".join(c if c.isalnum() else "-" for c in title.lower())
        create_markdown_artifact(card.read_text(), key=key, description=title)
