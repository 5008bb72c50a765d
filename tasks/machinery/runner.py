"""Runs a stage: fingerprint, reuse or compute, verify, record."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prefect import task
from prefect.artifacts import create_link_artifact, create_markdown_artifact
from prefect.cache_policies import CachePolicy
from prefect.context import TaskRunContext
from pydantic import BaseModel, model_validator

from tasks.machinery.call import Arguments, inputs_of, key_of, paths_of, title_of
from tasks.machinery.fingerprint import digest
from tasks.machinery.home import store_folder
from tasks.machinery.monitor import Display, StageMonitor
from tasks.machinery.stage import Stage
from tasks.machinery.store import Artifact, Input, Store
from tasks.machinery.tracking import Status, TrackedRun, Tracking, as_dataset


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
        tracking: the experiment in MLflow.
        parent: the experiment's run, of which each stage's run is a child.
        display: the terminal.
        refresh: names of stages to compute although they are in the store.
        tags: what every run carries: commit, flow run, …
        outcomes: how each stage ended, filled as they run.
    """

    tracking: Tracking
    parent: TrackedRun
    display: Display
    refresh: frozenset[str] = frozenset()
    tags: dict[str, str] = field(default_factory=dict)
    outcomes: list[Outcome] = field(default_factory=list)
    store: Store = field(default_factory=lambda: Store(store_folder()))

    def __call__(self, stage: Stage, label: str = "", /, **arguments: Any) -> Artifact:
        """Compute the stage, or reuse it where all is as it was."""
        call = Call(self, stage, label, arguments)
        title = call.title
        self.display.started(title)
        begun = time.monotonic()
        run_task = task(
            name=stage.name,
            task_run_name=title,
            cache_policy=ByFingerprint(fingerprint=call.fingerprint),
            refresh_cache=stage.name in self.refresh,
            persist_result=True,
            result_serializer="json",
        )(call.compute)
        state = run_task(return_state=True)
        if state.is_failed() or state.is_crashed():
            cause = call.failure or _exception(state)
            self.display.finished(title, "failed", time.monotonic() - begun, "")
            raise StageFailedError(title, cause)
        artifact = state.result().artifact()
        outcome = Outcome(stage.name, label, call.state, artifact, call.why)
        self.outcomes.append(outcome)
        self._record(outcome, arguments)
        self.display.finished(title, call.state, time.monotonic() - begun, call.why)
        return artifact

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
        artifact = outcome.artifact
        if not artifact.record:
            record(self, outcome.title, artifact, arguments).close("FINISHED")
        prefix = metric_prefix(outcome.name, outcome.label)
        dataset = as_dataset(artifact)
        if dataset is not None:
            self.parent.reads({outcome.title: dataset})
        self.parent.tags(
            {
                f"temper.stage.{outcome.title}": f"{outcome.state} {artifact.record['run_id']}",
                f"temper.digest.{outcome.title}": artifact.whole.digest[:16],
            }
        )
        if prefix:
            self.parent.result({f"{prefix}/{k}": v for k, v in artifact.metrics.items()})


def _exception(state: Any) -> BaseException:
    result = state.result(raise_on_failure=False)
    return result if isinstance(result, BaseException) else RuntimeError(state.message)


def metric_prefix(name: str, label: str) -> str:
    """What a stage's metrics start with on the experiment's run; empty: they are not there."""
    if name == "evaluation":
        return f"downstream/{label}"
    return name if name in ("corpus", "pretraining") else ""


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

    def compute(self) -> Reference:
        """The body of the task, after Prefect's cache missed: look in the store, else compute."""
        store = self.runner.store
        with store.locked(self.stage.name, self.fingerprint, self._waiting) as folder:
            found = store.load(self.stage.name, self.fingerprint)
            damage = found.damage() if found else None
            if found and not damage and self.stage.name not in self.runner.refresh:
                return self._reference()
            self.state = "completed"
            self.why = f"recomputed: {damage}" if damage else ""
            (folder / "record.json").unlink(missing_ok=True)
            try:
                self._compute(folder)
            except BaseException as problem:
                self.failure = problem
                raise
            return self._reference()

    def _waiting(self, owner: str) -> None:
        self.runner.display.progress(self.title, 0, 0, f"waiting for {owner}", None)

    def _reference(self) -> Reference:
        return Reference(stage=self.stage.name, fingerprint=self.fingerprint)

    def _compute(self, folder: Path) -> None:
        """Compute into the folder, under a run in MLflow whose status is true."""
        runner = self.runner
        run = open_run(runner, self.title, self.stage.name, self.fingerprint, self.key)
        begun = time.monotonic()
        try:
            run.watch_system()
            _link(run, runner.tracking)
            run.reads(*_read_by(self.arguments))
            function: Callable[..., dict[str, float]] = self.stage.load()
            output = runner.store.begin(folder)
            monitor = StageMonitor(self.title, folder, run, runner.display)
            metrics = function(**paths_of(self.arguments), out=output, monitor=monitor)
            seconds = time.monotonic() - begun
            artifact = runner.store.complete(folder, self.key, metrics, monitor.facts, seconds)
            _write(runner, run, artifact, self.arguments)
            _show(artifact, self.title)
        except BaseException as problem:
            run.close(status_of(problem), str(problem) or type(problem).__name__)
            raise
        run.close("FINISHED")


def status_of(problem: BaseException) -> Status:
    """FAILED for an error, KILLED for an interruption (Ctrl-C, SIGTERM, cancellation)."""
    return "FAILED" if isinstance(problem, Exception) else "KILLED"


def open_run(
    runner: Runner, title: str, stage: str, fingerprint: str, key: dict[str, Any]
) -> TrackedRun:
    """The run of a stage, a child of the experiment's."""
    tags = runner.tags | {"temper.stage": stage, "temper.fingerprint": fingerprint}
    tags |= {f"temper.input.{name}": value[:16] for name, value in key["inputs"].items()}
    tags |= {f"temper.version.{name}": value for name, value in key["libraries"].items()}
    run = runner.tracking.open(title, tags, runner.parent)
    run.params({name: v for name, v in key["part"].items() if v != {} and "identity" not in name})
    return run


def _read_by(arguments: Arguments) -> tuple[dict[str, Any], list[str]]:
    """The data sets and the models that a stage reads, for MLflow."""
    datasets, models = {}, []
    for name, given in inputs_of(arguments).items():
        dataset = as_dataset(given.artifact)
        if dataset is not None:
            datasets[name] = dataset
        if model_id := given.artifact.record.get("model_id"):
            models.append(model_id)
    return datasets, list(dict.fromkeys(models))


def record(runner: Runner, title: str, artifact: Artifact, arguments: Arguments) -> TrackedRun:
    """Record a complete artifact that has no run in MLflow: a crash came between."""
    run = open_run(runner, title, artifact.stage, artifact.fingerprint, artifact.key)
    run.tags(artifact.facts)
    _write(runner, run, artifact, arguments)
    return run


def _write(runner: Runner, run: TrackedRun, artifact: Artifact, arguments: Arguments) -> None:
    """Write an artifact's metrics, pages and model to its run, and keep which run that is."""
    given = inputs_of(arguments)
    datasets, _ = _read_by(arguments)
    dataset = datasets.get("data")
    for name, metrics in _by_subject(artifact.metrics, given).items():
        subject = given.get(name)
        model_id = subject.artifact.record.get("model_id") if subject else None
        run.result(metrics, model_id, dataset if model_id else None)
    run.artifacts(artifact.path / "show")
    run.client.log_artifact(run.run_id, str(artifact.folder / "manifest.json"))
    if (artifact.folder / "metrics.jsonl").is_file():
        run.client.log_artifact(run.run_id, str(artifact.folder / "metrics.jsonl"))
    own = as_dataset(artifact)
    if own is not None:
        run.reads({"prepared": own})
    model_id = run.model(artifact)
    kept = {"run_id": run.run_id, "tracking_uri": runner.tracking.uri}
    artifact.write_record(kept | ({"model_id": model_id} if model_id else {}))


def _by_subject(
    metrics: Mapping[str, float], given: Mapping[str, Input]
) -> dict[str, dict[str, float]]:
    """Metrics by the model they are about: the input they start with, or `model`."""
    subjects: dict[str, dict[str, float]] = {}
    for name, value in metrics.items():
        first = name.partition("/")[0]
        subjects.setdefault(first if first in given else "model", {})[name] = value
    return subjects


def _link(run: TrackedRun, tracking: Tracking) -> None:
    """Link the task in Prefect to the run in MLflow, where MLflow has an address."""
    if tracking.uri.startswith("http"):
        address = f"{tracking.uri}/#/experiments/{run.experiment_id}/runs/{run.run_id}"
        create_link_artifact(link=address, link_text="run in MLflow", key="mlflow-run")


def _show(artifact: Artifact, title: str) -> None:
    """Show the stage's page as an artifact in Prefect."""
    card = artifact.path / "show" / "card.md"
    if card.is_file():
        key = "".join(c if c.isalnum() else "-" for c in title.lower())
        create_markdown_artifact(card.read_text(), key=key, description=title)
