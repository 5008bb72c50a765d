"""What MLflow gets of a stage: one run, a child of the experiment's, with a true status.

A stage that was killed goes on in the run it had: the curve has each step once. An artifact that
is complete but in no run of this MLflow (a crash came between, the run was deleted, the database
is another) is recorded from the store, curve and all, without computing it again.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.machinery.call import Arguments, inputs_of
from tasks.machinery.store import Artifact, Input, write_atomically
from tasks.machinery.tracking import PARENT, Status, TrackedRun, Tracking, as_dataset

# Metrics of an evaluation that are about no single model.
_ABOUT_NO_MODEL = ("majority", "gain", "test_documents")


def status_of(problem: BaseException) -> Status:
    """FAILED for an error, KILLED for an interruption (Ctrl-C, SIGTERM, cancellation)."""
    return "FAILED" if isinstance(problem, Exception) else "KILLED"


@contextlib.contextmanager
def closing(run: TrackedRun) -> Iterator[TrackedRun]:
    """End the run as what it was, however the block ends."""
    try:
        yield run
    except BaseException as problem:
        run.close(status_of(problem), str(problem) or type(problem).__name__)
        raise
    run.close("FINISHED")


@dataclass(frozen=True)
class Recording:
    """How the stages of one experiment are recorded.

    Attributes:
        tracking: the experiment in MLflow.
        parent: the experiment's run, of which each stage's run is a child.
        tags: what every run carries: commit, flow run, ….
    """

    tracking: Tracking
    parent: TrackedRun
    tags: Mapping[str, str]

    def open(
        self, title: str, fingerprint: str, key: Mapping[str, Any], folder: Path
    ) -> TrackedRun:
        """The run of a stage: the one it was interrupted in, or a new one."""
        file = folder / "run.json"
        if file.is_file():
            kept = json.loads(file.read_text())
            same = kept["tracking_uri"] == self.tracking.uri
            run = self.tracking.reopen(kept["run_id"], title) if same else None
            if run is not None:
                run.tags({PARENT: self.parent.run_id})
                return run
        run = self._new(title, fingerprint, key)
        write_atomically(file, {"run_id": run.run_id, "tracking_uri": self.tracking.uri})
        return run

    def _new(self, title: str, fingerprint: str, key: Mapping[str, Any]) -> TrackedRun:
        tags = dict(self.tags) | {
            "temper.stage": key["stage"],
            "temper.fingerprint": fingerprint,
        }
        tags |= {f"temper.input.{name}": value[:16] for name, value in key["inputs"].items()}
        tags |= {f"temper.version.{name}": value for name, value in key["libraries"].items()}
        run = self.tracking.open(title, tags, self.parent)
        part = key["part"].items()
        run.params({name: value for name, value in part if ".identity" not in name and value != {}})
        return run

    def record(self, title: str, artifact: Artifact, arguments: Arguments) -> None:
        """Record a complete artifact that is in no run of this MLflow."""
        with closing(self.open(title, artifact.fingerprint, artifact.key, artifact.folder)) as run:
            run.tags(artifact.facts)
            run.replay(read_curve(artifact.folder / "metrics.jsonl"))
            self.write(run, artifact, arguments)

    def reads(self, run: TrackedRun, arguments: Arguments) -> None:
        """Say which data sets and models a stage reads."""
        given = inputs_of(arguments)
        datasets = {name: as_dataset(each.artifact) for name, each in given.items()}
        models = [each.artifact.record.get("model_id", "") for each in given.values()]
        run.reads(
            {name: dataset for name, dataset in datasets.items() if dataset is not None},
            sorted({model_id for model_id in models if model_id}),
        )

    def write(self, run: TrackedRun, artifact: Artifact, arguments: Arguments) -> None:
        """Write an artifact's model, metrics and pages to its run, and keep which run that is."""
        model_id = run.model(artifact)
        given = inputs_of(arguments)
        data = given.get("data")
        dataset = as_dataset(data.artifact) if data else None
        for subject, metrics in by_model(artifact.metrics, given, model_id).items():
            run.result(metrics, subject, dataset if subject else None)
        run.artifacts(artifact.path / "show")
        for name in ("manifest.json", "metrics.jsonl"):
            if (artifact.folder / name).is_file():
                run.client.log_artifact(run.run_id, str(artifact.folder / name))
        own = as_dataset(artifact)
        if own is not None:
            run.reads({"prepared": own})
        kept = {"run_id": run.run_id, "tracking_uri": self.tracking.uri}
        artifact.write_record(kept | ({"model_id": model_id} if model_id else {}))
        (artifact.folder / "run.json").unlink(missing_ok=True)


def by_model(
    metrics: Mapping[str, float], given: Mapping[str, Input], own: str | None
) -> dict[str | None, dict[str, float]]:
    """Metrics by the id of the model that they are about; None for those about no model.

    A stage that makes a model speaks of it. Else `from_scratch/accuracy` is about the input of that
    name, and `accuracy` about the input `model`.
    """
    subjects: dict[str | None, dict[str, float]] = {}
    for name, value in metrics.items():
        first = name.partition("/")[0]
        about = given.get(first if first in given else "model")
        found = about.artifact.record.get("model_id") if about else None
        subject = own or (None if first in _ABOUT_NO_MODEL else found)
        subjects.setdefault(subject, {})[name] = value
    return subjects


def read_curve(file: Path) -> Iterator[tuple[int, dict[str, float]]]:
    """The steps of a kept training curve, and their metrics; a half-written line is left out."""
    if not file.is_file():
        return
    for line in file.read_text().splitlines():
        try:
            values = json.loads(line)
        except ValueError:
            return
        step = int(values.pop("step"))
        values.pop("time", None)
        yield step, values
