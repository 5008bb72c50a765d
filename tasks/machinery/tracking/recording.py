"""The run of a stage in MLflow: a child of the experiment's run, with a true status.

A killed stage resumes in its run, so the curve has each step once. An artifact that is complete but
in no run of this MLflow (a crash in between, MLflow unreachable, the run deleted, another database)
is recorded from the store with its curve, without recomputing it. The store contains everything
that a record needs, so it can be reported at any later time.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tasks.machinery.host.interruption import why_stopped
from tasks.machinery.host.small_files import report
from tasks.machinery.naming.metric_name import (
    DIFFERENCES,
    MAJORITY,
    SEEDS,
    SEEDS_MEAN,
    SEEDS_SPREAD,
    SIMPLE,
)
from tasks.machinery.naming.secrets import redacted
from tasks.machinery.store.artifact import Artifact, read_run
from tasks.machinery.store.store import Store
from tasks.machinery.tracking.links import page_of, run_address
from tasks.machinery.tracking.logged_model import as_dataset, log_model
from tasks.machinery.tracking.opening import open_once
from tasks.machinery.tracking.outage import is_outage
from tasks.machinery.tracking.tags import (
    FINGERPRINT,
    INPUT_OF,
    PARENT,
    RESUMED,
    STAGE,
    VERSIONS,
    versions_text,
)
from tasks.machinery.tracking.tracked_run import Status, TrackedRun, log_files
from tasks.machinery.tracking.tracking import Tracking

PICTURES = "pictures"  # the folder with those of steps
BESIDE = "adapter/"  # of the files of an artifact: those that are logged beside its model

# Metrics of an evaluation that do not belong to a single model.
_ABOUT_NO_MODEL = (
    *(MAJORITY, SIMPLE, *DIFFERENCES, "test_documents"),
    *(SEEDS, SEEDS_MEAN, SEEDS_SPREAD),
)

# The text for an exception that is a signal.
_SIGNALS = {
    "KeyboardInterrupt": "interrupted",
    "Interrupted": "interrupted",
    "TerminationSignal": "stopped from outside",
}

Inputs = Mapping[str, Artifact]


def status_of(problem: BaseException) -> Literal["FAILED", "KILLED"]:
    """FAILED for an error, KILLED for an interruption (Ctrl-C, SIGTERM, cancellation)."""
    return "FAILED" if isinstance(problem, Exception) else "KILLED"


def words_of(problem: BaseException) -> str:
    """The message of an exception, or its type."""
    name = type(problem).__name__
    reason = "" if isinstance(problem, Exception) else why_stopped()
    return reason or _SIGNALS.get(name) or redacted(str(problem)) or name


@contextlib.contextmanager
def closing_on_failure(run: TrackedRun) -> Iterator[None]:
    """End the run as failed or killed if the block raises."""
    try:
        yield
    except BaseException as problem:
        run.close(status_of(problem), words_of(problem))
        raise


@contextlib.contextmanager
def leaving_on_failure(run: TrackedRun) -> Iterator[None]:
    """Stop writing to the run if the block raises; the rest is reported later."""
    try:
        yield
    except BaseException:
        run.leave()
        raise


@dataclass(frozen=True)
class Recording:
    """How the stages of one experiment are recorded.

    Attributes:
        tracking: the experiment in MLflow.
        parent: the experiment's run, the parent of each stage's run.
        tags: set on every run: commit, flow run, ….
        store: the store of the artifacts.
    """

    tracking: Tracking
    parent: TrackedRun
    tags: Mapping[str, str]
    store: Store

    def open(
        self,
        title: str,
        fingerprint: str,
        key: Mapping[str, Any],
        folder: Path,
        at: float | None = None,
    ) -> TrackedRun:
        """The run of a stage: the one it was interrupted in, or a new one that began `at`.

        Raises:
            Exception: MLflow is unreachable, or rejects it.
        """
        kept = read_run(folder / "run.json")
        if kept:
            same = kept["tracking_uri"] == self.tracking.uri
            # It may be finished there already, if a crash came before that was recorded here.
            run = self.tracking.reopen(kept["run_id"], title, finished=True) if same else None
            if run is not None:
                run.tags({PARENT: self.parent.run_id})
                return run
        run = open_once(
            self.tracking, folder, title, self._tags(fingerprint, key), self.parent, at=at
        )
        with leaving_on_failure(run):
            part = key["part"].items()
            run.params({name: v for name, v in part if ".identity" not in name and v != {}})
        return run

    def _tags(self, fingerprint: str, key: Mapping[str, Any]) -> dict[str, str]:
        tags = dict(self.tags) | {
            STAGE: key["stage"],
            FINGERPRINT: fingerprint,
        }
        tags |= {f"{INPUT_OF}{name}": value[:16] for name, value in key["inputs"].items()}
        return tags | {VERSIONS: versions_text(key["libraries"])}

    def begin(
        self, title: str, fingerprint: str, key: Mapping[str, Any], folder: Path, inputs: Inputs
    ) -> TrackedRun | None:
        """The run of a stage that is about to be computed; None while MLflow is unreachable."""
        if self.tracking.is_resting:
            return None
        going_on = bool(read_run(folder / "run.json"))
        try:
            run = self.open(title, fingerprint, key, folder)
            with leaving_on_failure(run):
                if going_on:
                    run.tags({RESUMED: "true"})
                self.reads(run, inputs)
            run.watch_system()
        except Exception as problem:
            if not is_outage(problem):
                raise
            self.tracking.rest()
            return None
        return run

    def address(self, run: TrackedRun) -> str:
        """Where a server of MLflow shows a run; empty without a server."""
        return run_address(self.tracking, run)

    def page_of(self, artifact: Artifact) -> str:
        """Where MLflow shows the run that computed an artifact; empty if it cannot now."""
        return page_of(artifact, self.tracking)

    def finish(self, run: TrackedRun | None, title: str, artifact: Artifact) -> None:
        """Complete a run that `begin` returned; leave it for later if MLflow is unreachable."""
        if run is None:
            return
        try:
            self.complete(run, title, artifact)
        except Exception as problem:
            if not is_outage(problem):
                raise
            self.tracking.rest()
            run.leave()

    def record(self, title: str, artifact: Artifact) -> None:
        """Record a complete artifact that is in no run of this MLflow.

        Raises:
            Exception: MLflow is unreachable, or rejects it.
        """
        ended = (artifact.folder / "manifest.json").stat().st_mtime
        begun = ended - artifact.seconds
        run = self.open(title, artifact.fingerprint, artifact.key, artifact.folder, begun)
        with leaving_on_failure(run):
            run.tags(artifact.facts)
            replay(run, artifact.curve)
            self.reads(run, self.inputs_of(artifact))
            self.complete(run, title, artifact, ended)

    def record_failure(self, title: str, folder: Path, status: Status, why: str) -> None:
        """End the run of a stage that did not complete, with its curve so far.

        Raises:
            Exception: MLflow is unreachable, or rejects it.
        """
        kept = read_run(folder / "run.json")
        if kept.get("tracking_uri") != self.tracking.uri:
            return  # it has no run, or one in another MLflow
        found = self.tracking.find(kept["run_id"])
        if found is None or found.info.status != "RUNNING":
            return
        run = self.tracking.reopen(kept["run_id"], title)
        if run is not None:
            with leaving_on_failure(run):
                replay(run, folder / "metrics.jsonl")
                run.finish(status, why)

    def inputs_of(self, artifact: Artifact) -> dict[str, Artifact]:
        """The artifacts that an artifact was computed from, as far as they are in the store."""
        found = {name: self.store.named(other) for name, other in artifact.reads.items()}
        return {name: other for name, other in found.items() if other is not None}

    def reads(self, run: TrackedRun, inputs: Inputs) -> None:
        """Log the data sets and models that a stage reads."""
        datasets = {name: as_dataset(each) for name, each in inputs.items()}
        models = {each.record.get("model_id", "") for each in inputs.values()} - {""}
        run.reads(
            {name: dataset for name, dataset in datasets.items() if dataset is not None},
            sorted(models),
        )

    def complete(
        self, run: TrackedRun, title: str, artifact: Artifact, at: float | None = None
    ) -> None:
        """Write an artifact's model, metrics and pages to its run, end it, and store its id.

        `at` is when it ended, now if not given.

        Raises:
            Exception: MLflow is unreachable; a second call resumes from there.
        """
        inputs = self.inputs_of(artifact)
        model_id = log_model(run.client, run.run_id, run.experiment_id, title, artifact)
        dataset = as_dataset(inputs["data"]) if "data" in inputs else None
        for subject, metrics in by_model(artifact.metrics, inputs, model_id).items():
            run.result(metrics, subject, dataset if subject else None)
        run.artifacts(artifact.pages, artifact.page_names)
        run.artifacts(artifact.path, [name for name in artifact.files if name.startswith(BESIDE)])
        for file in (artifact.folder / "manifest.json", artifact.curve):
            if file.is_file():
                run.client.log_artifact(run.run_id, str(file))
        own = as_dataset(artifact)
        if own is not None:
            run.reads({"prepared": own})
        run.finish("FINISHED", at=at)
        kept = {
            "run_id": run.run_id,
            "experiment_id": run.experiment_id,
            "tracking_uri": self.tracking.uri,
            "pages": artifact.pages_key,
        }
        artifact.write_record(kept | ({"model_id": model_id} if model_id else {}))
        (artifact.folder / "run.json").unlink(missing_ok=True)

    def show(self, artifact: Artifact) -> None:
        """Log the pages of an artifact to its run again: they were rendered again.

        Raises:
            Exception: MLflow cannot be reached, or does not take it.
        """
        record = artifact.record
        log_files(self.tracking.client, record["run_id"], artifact.pages, artifact.page_names)
        artifact.write_record(record | {"pages": artifact.pages_key})


def by_model(
    metrics: Mapping[str, float], inputs: Inputs, own: str | None
) -> dict[str | None, dict[str, float]]:
    """Metrics by the id of the model that they describe; None for those of no model.

    The metrics of a stage that makes a model describe it. Otherwise `from_scratch/accuracy`
    describes the input of that name, and `accuracy` the input `model`.
    """
    subjects: dict[str | None, dict[str, float]] = {}
    for name, value in metrics.items():
        first = name.partition("/")[0]
        about = inputs.get(first if first in inputs else "model")
        found = about.record.get("model_id") if about else None
        subject = own or (None if first in _ABOUT_NO_MODEL else found)
        subjects.setdefault(subject, {})[name] = value
    return subjects


def replay(run: TrackedRun, file: Path) -> None:
    """Log a stored curve, and the pictures of its steps: no step twice, none missing."""
    for step, at, metrics in read_curve(file):
        run.log(step, metrics, at)
    for step, picture in pictures_by_step(file.parent).items():
        run.picture(step, picture)


def pictures_by_step(folder: Path) -> dict[int, Path]:
    """The stored pictures of the steps of a training, in the folder of its artifact."""
    return {int(file.stem): file for file in sorted((folder / PICTURES).glob("[0-9]*.png"))}


def read_curve(file: Path) -> Iterator[tuple[int, float, dict[str, float]]]:
    """The points of a stored training curve: step, seconds since the epoch, and metrics.

    Lines that cannot be read are left out and reported, except half a line at the end, which a kill
    leaves and whose step is computed again.
    """
    if not file.is_file():
        return
    lines, wrong = file.read_bytes().split(b"\n"), list[int]()
    for number, line in enumerate(lines, start=1):
        point = _point(line) if line else None
        if point is not None:
            yield point
        elif line and number < len(lines):
            wrong.append(number)
    if wrong:
        report(
            f"{file}: {len(wrong)} of {len(lines) - 1} lines cannot be read (the first is line "
            f"{wrong[0]}); their steps are missing from the curve"
        )


def _point(line: bytes) -> tuple[int, float, dict[str, float]] | None:
    """The point of a curve in a line; None if it is none."""
    try:
        values = {name: float(value) for name, value in json.loads(line).items()}
        return int(values.pop("step")), values.pop("time"), values
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return None
