"""What remains of a stage of a past run: from the store, else from its run in MLflow.

The store has all files until they are deleted. MLflow has the shown files (predictions up to a
size), the manifest and the curve. Missing files are not an error here: they are returned as None.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from tasks.comparison.curves import Curve, curves_of
from tasks.comparison.energy import Spent
from tasks.comparison.past_run import PastRun
from tasks.machinery.host.digest_memo import digest_file
from tasks.machinery.host.small_files import read_small
from tasks.machinery.naming.title import Title
from tasks.machinery.store.artifact import Artifact
from tasks.machinery.store.store import Store
from tasks.machinery.tracking.outage import is_outage
from tasks.machinery.tracking.recording import read_curve
from tasks.machinery.tracking.tags import artifact_name

_SAMPLED = 5.0  # seconds between two points of a system metric: a shorter stage has none
_USAGE = "system/cpu_utilization_percentage"
_LOST = "The seconds of its stage are taken from its run"
_GPU = ("system/gpu_", "_power_usage_watts")


class Remains:
    """Finds the remaining files of past runs.

    Args:
        client: MLflow.
        store: the store of the artifacts, if they were not deleted.
    """

    def __init__(self, client: MlflowClient, store: Store) -> None:
        self.client, self.store = client, store
        self._folder = tempfile.TemporaryDirectory(prefix="temper-compare-")
        self._stage_runs: dict[str, Any] = {}
        self._files: dict[tuple[str, str], Path | None] = {}
        os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")

    def artifact(self, run: PastRun, title: str) -> Artifact | None:
        """The artifact of a stage, if the store still has it."""
        return self.store.named(self.name(run, title))

    def name(self, run: PastRun, title: str) -> str:
        """`stage/fingerprint` of a stage's artifact; empty if unknown."""
        known = run.artifacts.get(title, "")
        found = None if known else self.stage_run(run, title)
        return known if found is None else artifact_name(found.data.tags)

    def answers_file(self, run: PastRun, problem: str) -> Path | None:
        """The predictions of a problem's evaluation."""
        title, name = str(Title("evaluation", problem)), "predictions.parquet"
        artifact = self.artifact(run, title)
        if artifact is not None and name in artifact.files:
            file = artifact.path / name
            if file.is_file() and digest_file(file) == artifact.files[name]:
                return file
        return self.logged(run, title, name)

    def curves(self, run: PastRun, title: str) -> dict[str, Curve]:
        """The learning curves of a stage; empty if they are gone."""
        artifact = self.artifact(run, title)
        file = artifact.folder / "metrics.jsonl" if artifact else None
        if file is None or not file.is_file():
            file = self.logged(run, title, "metrics.jsonl")
        return curves_of(read_curve(file)) if file else {}

    def numbers(self, run: PastRun, title: str) -> dict[str, float]:
        """The metrics of a stage and its facts that are numbers; empty if they are gone."""
        artifact = self.artifact(run, title)
        if artifact is not None:
            return artifact.metrics | {
                name: float(value) for name, value in artifact.facts.items() if _is_number(value)
            }
        found = self.stage_run(run, title)
        if found is None:
            return {}
        facts = {n: float(value) for n, value in found.data.tags.items() if _is_number(value)}
        return {**facts, **found.data.metrics}

    def spent(self, run: PastRun, title: str) -> Spent | None:
        """The cost of a stage when it was computed."""
        seconds = self._seconds(run, title)
        if seconds is None:
            return None
        found = self.stage_run(run, title) if seconds >= _SAMPLED else None
        if found is None:
            return Spent(seconds)
        usage = self._mean(found, _USAGE)
        gpus = [name for name in found.data.metrics if _is_gpu(name)]
        watts = sum(self._mean(found, name) or 0.0 for name in gpus)
        return Spent(seconds, None if usage is None else min(1.0, usage / 100), watts)

    def _seconds(self, run: PastRun, title: str) -> float | None:
        artifact = self.artifact(run, title)
        if artifact is not None:
            return artifact.seconds
        file = self.logged(run, title, "manifest.json")
        if file is not None:
            seconds = read_small(file, lambda values: float(values["seconds"]), _LOST)
            if seconds is not None:
                return seconds
        found = self.stage_run(run, title)
        if found is None or not found.info.end_time:
            return None
        return float(found.info.end_time - found.info.start_time) / 1000

    def _mean(self, found: Any, metric: str) -> float | None:
        if metric not in found.data.metrics:
            return None
        history = self.client.get_metric_history(found.info.run_id, metric)
        values = [point.value for point in history]
        return sum(values) / len(values) if values else None

    def stage_run(self, run: PastRun, title: str) -> Any:
        """The run in MLflow that computed a stage; None if it was deleted."""
        run_id = run.stage_runs.get(title, "")
        if run_id and run_id not in self._stage_runs:
            self._stage_runs[run_id] = self._get(run_id)
        return self._stage_runs.get(run_id)

    def _get(self, run_id: str) -> Any:
        try:
            found = self.client.get_run(run_id)
        except MlflowException as problem:
            if is_outage(problem):
                raise
            return None
        return found if found.info.lifecycle_stage == "active" else None

    def logged(self, run: PastRun, title: str, name: str) -> Path | None:
        """A file that MLflow has of a stage's run, downloaded once; None if it has none."""
        run_id = run.stage_runs.get(title, "")
        if (run_id, name) not in self._files:
            self._files[run_id, name] = self._fetch(run_id, name) if run_id else None
        return self._files[run_id, name]

    def _fetch(self, run_id: str, name: str) -> Path | None:
        folder = Path(self._folder.name) / run_id
        folder.mkdir(exist_ok=True)
        try:
            if name not in {file.path for file in self.client.list_artifacts(run_id)}:
                return None
            return Path(self.client.download_artifacts(run_id, name, str(folder)))
        except (MlflowException, OSError) as problem:
            if is_outage(problem):
                raise
            return None


def _is_gpu(metric: str) -> bool:
    return metric.startswith(_GPU[0]) and metric.endswith(_GPU[1])


def _is_number(value: str | float) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True
