"""Runs in MLflow that tell the truth: opened, written and closed by the id of one owner.

Never through MLflow's fluent "active run": `end_run()` in a nested context ends the parent too, and
a crashed run stays RUNNING for ever. Here each run carries the process that owns it, so that the
next start can close what a crash left.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit, urlunsplit

import mlflow
from filelock import FileLock
from mlflow import MlflowClient
from mlflow.entities import (
    Dataset,
    DatasetInput,
    InputTag,
    LoggedModelInput,
    Metric,
    Param,
    RunTag,
)
from mlflow.exceptions import MlflowException

from tasks.machinery.home import home, tracking_uri
from tasks.machinery.owner import is_alive, this_process
from tasks.machinery.stage import StageError
from tasks.machinery.store import Artifact

LOGGER = logging.getLogger(__name__)

Status = Literal["FINISHED", "FAILED", "KILLED"]

OWNER = "temper.process"
PARENT = "mlflow.parentRunId"
_BATCH = 100  # MLflow takes no more params, and is quick with as many metrics, in one call
_TAG_LENGTH = 5000


class TrackedRun:
    """One run in MLflow, and the only way in which Temper writes to it."""

    def __init__(self, client: MlflowClient, run_id: str, experiment_id: str, name: str) -> None:
        self.client, self.run_id, self.experiment_id = client, run_id, experiment_id
        self.name = name
        self._waiting: list[Metric] = []
        self._sent: dict[str, set[int]] = {}  # before this process; steps by metric
        self._last_step = 0
        self._flushed = time.monotonic()
        self._system: Any = None

    def params(self, values: Mapping[str, Any]) -> None:
        """Log parameters."""
        params = [Param(name, str(value)) for name, value in values.items()]
        for start in range(0, len(params), _BATCH):
            self.client.log_batch(self.run_id, params=params[start : start + _BATCH])

    def tags(self, values: Mapping[str, Any]) -> None:
        """Set tags; long ones are cut."""
        tags = [RunTag(name, str(value)[:_TAG_LENGTH]) for name, value in values.items()]
        self.client.log_batch(self.run_id, tags=tags)

    def log(self, step: int, metrics: Mapping[str, float], every: float = 5.0) -> None:
        """Keep metrics of a step, and send what has gathered every few seconds."""
        now = int(time.time() * 1000)
        self._last_step = max(self._last_step, step)
        self._waiting += [
            Metric(name, float(value), now, step)
            for name, value in metrics.items()
            if step not in self._sent.get(name, ())
        ]
        if time.monotonic() - self._flushed > every:
            self.flush()

    def replay(self, curve: Iterable[tuple[int, Mapping[str, float]]]) -> None:
        """Log a curve of which MLflow may have a part: no step twice, none missing."""
        points = list(curve)
        self.has({name for _, metrics in points for name in metrics})
        for step, metrics in points:
            self.log(step, metrics)

    def has(self, names: Iterable[str]) -> None:
        """Find out which steps of these metrics MLflow has: they are not sent again."""
        for name in names:
            history = self.client.get_metric_history(self.run_id, name)
            self._sent[name] = {point.step for point in history}

    def flush(self) -> None:
        """Send the metrics that have gathered; what cannot be sent now waits for the next time.

        A tracking server that hiccups must not end a training of hours.
        """
        self._flushed = time.monotonic()
        try:
            while self._waiting:
                batch = self._waiting[: 10 * _BATCH]
                self.client.log_batch(self.run_id, metrics=batch)
                self._waiting = self._waiting[len(batch) :]
        except (MlflowException, OSError) as error:
            LOGGER.warning("MLflow does not take metrics now: %s", error)

    def result(
        self,
        metrics: Mapping[str, float],
        model_id: str | None = None,
        dataset: Dataset | None = None,
    ) -> None:
        """Log final metrics, tied to the model and the data set that they are about."""
        self.flush()
        now = int(time.time() * 1000)
        self.client.log_batch(
            self.run_id,
            metrics=[
                Metric(
                    name,
                    float(value),
                    now,
                    self._last_step,
                    model_id=model_id,
                    dataset_name=dataset.name if dataset else None,
                    dataset_digest=dataset.digest if dataset else None,
                    run_id=self.run_id,
                )
                for name, value in metrics.items()
            ],
        )

    def artifacts(self, folder: Path, where: str | None = None) -> None:
        """Log the files of a folder."""
        if folder.is_dir() and any(folder.iterdir()):
            self.client.log_artifacts(self.run_id, str(folder), where)

    def reads(self, datasets: Mapping[str, Dataset], models: Iterable[str] = ()) -> None:
        """Say which data sets and models the run reads; the key of a data set is its role."""
        inputs = [
            DatasetInput(dataset, [InputTag("mlflow.data.context", role)])
            for role, dataset in datasets.items()
        ]
        if inputs or models:
            chosen = [LoggedModelInput(model_id) for model_id in models]
            self.client.log_inputs(self.run_id, datasets=inputs, models=chosen)

    def model(self, artifact: Artifact) -> str | None:
        """Log the model of an artifact, if it has one; returns its id."""
        card = artifact.path / "model.json"
        if not card.is_file():
            return None
        return log_model(self, artifact.path / "model", json.loads(card.read_text()), artifact)

    def watch_system(self) -> None:
        """Log the use of processor, memory, disk and network until the run is closed."""
        from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

        logging.getLogger("mlflow.system_metrics").setLevel(logging.ERROR)
        self._system = SystemMetricsMonitor(
            self.run_id, sampling_interval=5, samples_before_logging=1, resume_logging=True
        )
        self._system.start()

    def close(self, status: Status, reason: str = "") -> None:
        """End the run with its true status; never raises, as it also runs after a failure.

        A run that cannot be closed now is closed at the next start, by `close_orphans`.
        """
        try:
            if self._system is not None:
                self._system.finish()
            self.flush()
            if reason:
                self.tags({"temper.reason": reason})
            self.client.set_terminated(self.run_id, status=status)
        except (MlflowException, OSError) as error:
            LOGGER.warning("MLflow does not close run %s now: %s", self.run_id, error)


class Tracking:
    """The runs of one experiment in MLflow.

    Args:
        experiment: name of the experiment; made if it is not there yet.
    """

    def __init__(self, experiment: str) -> None:
        logging.getLogger("mlflow").setLevel(logging.ERROR)
        logging.getLogger("alembic").setLevel(logging.WARNING)
        home().mkdir(parents=True, exist_ok=True)
        make_database()
        mlflow.set_tracking_uri(tracking_uri())
        self.client = MlflowClient(tracking_uri())
        self.uri = without_credentials(tracking_uri())
        self.experiment_id = self._experiment(experiment)

    def _experiment(self, name: str) -> str:
        """The id of an experiment, made if it is not there yet."""
        found = self.client.get_experiment_by_name(name)
        if found is None:
            try:
                return str(self.client.create_experiment(name, _artifacts(name)))
            except MlflowException:  # another process was quicker
                found = self.client.get_experiment_by_name(name)
                if found is None:
                    raise
        if found.lifecycle_stage == "deleted":
            raise StageError(
                f"name: the experiment {name!r} was deleted in MLflow; restore it with "
                f"`mlflow experiments restore --experiment-id {found.experiment_id}`, "
                "or give this one another name"
            )
        return str(found.experiment_id)

    def knows(self, record: Mapping[str, str]) -> bool:
        """Whether a recorded run is in this MLflow, and not deleted."""
        if record.get("tracking_uri") != self.uri:
            return False
        return self._stage_of(record["run_id"]) == "active"

    def _stage_of(self, run_id: str) -> str:
        try:
            return str(self.client.get_run(run_id).info.lifecycle_stage)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return "missing"

    def open(
        self, name: str, tags: Mapping[str, Any], parent: TrackedRun | None = None
    ) -> TrackedRun:
        """Start a run that this process owns."""
        given = {name: str(value)[:_TAG_LENGTH] for name, value in tags.items()}
        given |= {OWNER: this_process()} | ({PARENT: parent.run_id} if parent else {})
        run = self.client.create_run(self.experiment_id, run_name=name, tags=given)
        return TrackedRun(self.client, run.info.run_id, self.experiment_id, name)

    def reopen(self, run_id: str, name: str) -> TrackedRun | None:
        """Go on with a run that was interrupted; None where there is none to go on with."""
        if self._stage_of(run_id) != "active":
            return None
        found = self.client.get_run(run_id)
        if found.info.status == "FINISHED":
            return None
        if "temper.reason" in found.data.tags:  # of the end that is no longer the end
            self.client.delete_tag(run_id, "temper.reason")
        self.client.update_run(run_id, status="RUNNING")
        run = TrackedRun(self.client, run_id, self.experiment_id, name)
        run.tags({OWNER: this_process(), "temper.resumed": "true"})
        return run

    def interrupted(self, name: str, tag: str, value: str) -> TrackedRun | None:
        """Go on with the newest run that has this tag, if it did not finish."""
        newest = self.client.search_runs(
            [self.experiment_id],
            f"tags.`{tag}` = '{value}'",
            max_results=1,
            order_by=["attributes.start_time DESC"],
        )
        if not newest or newest[0].info.status not in ("KILLED", "FAILED"):
            return None
        return self.reopen(newest[0].info.run_id, name)

    def close_orphans(self) -> list[str]:
        """Close as KILLED the runs, of any experiment, whose process is gone.

        Returns:
            The Prefect flow runs that they belonged to.
        """
        orphans = [
            run
            for run in self._running()
            if OWNER in run.data.tags and not is_alive(run.data.tags[OWNER], 0.0)
        ]
        for run in orphans:
            TrackedRun(self.client, run.info.run_id, run.info.experiment_id, "").close(
                "KILLED", "its process was gone at the next start"
            )
        flows = (run.data.tags.get("temper.flow_run_id", "") for run in orphans)
        return sorted({flow for flow in flows if flow})

    def _running(self) -> Iterator[Any]:
        """All runs that MLflow believes to be running."""
        experiments = [found.experiment_id for found in self.client.search_experiments()]
        token = None
        while True:
            page = self.client.search_runs(
                experiments, "attributes.status = 'RUNNING'", page_token=token
            )
            yield from page
            token = page.token
            if not token:
                return


def make_database() -> None:
    """Make the database in the state folder, if it is to be there: whole, or not at all.

    MLflow makes its tables one by one: a kill in the middle, or two processes at once, would leave
    a database that no later start can use.
    """
    database = home() / "mlflow.db"
    if tracking_uri() != f"sqlite:///{database}" or database.is_file():
        return
    with FileLock(database.with_suffix(".lock")):
        if database.is_file():
            return
        partial = database.with_name("mlflow.partial.db")
        for file in database.parent.glob(f"{partial.name}*"):
            file.unlink()
        MlflowClient(f"sqlite:///{partial}").search_experiments()
        partial.rename(database)


def without_credentials(uri: str) -> str:
    """An address as it may be shown and kept: without user and password."""
    parts = urlsplit(uri)
    if "@" not in parts.netloc:
        return uri
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _artifacts(experiment: str) -> str | None:
    """Where an experiment keeps artifacts; a server decides that by itself."""
    if tracking_uri().startswith(("http://", "https://", "databricks")):
        return None
    return (home() / "mlartifacts" / experiment).as_uri()


def as_dataset(artifact: Artifact) -> Dataset | None:
    """An artifact that is a data set, as MLflow names it; None for others."""
    card = artifact.path / "dataset.json"
    if not card.is_file():
        return None
    values = json.loads(card.read_text())
    schema = [
        {"type": kind, "name": name, "required": True} for name, kind in values["columns"].items()
    ]
    return Dataset(
        name=values["name"],
        digest=artifact.whole.digest[:16],
        source_type="local",
        source=json.dumps({"uri": str(artifact.path)}),
        schema=json.dumps({"mlflow_colspec": schema}),
        profile=json.dumps({"num_rows": values["rows"]}),
    )


def log_model(run: TrackedRun, folder: Path, card: Mapping[str, Any], artifact: Artifact) -> str:
    """Log a saved model in the transformers flavour, with tokenizer, signature and example."""
    import transformers
    from mlflow.models import Model

    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    pipeline = transformers.pipeline(card["task"], model=str(folder), tokenizer=str(folder))
    logged = run.client.create_logged_model(
        run.experiment_id,
        name=artifact.stage,
        source_run_id=run.run_id,
        tags={"temper.fingerprint": artifact.fingerprint, "temper.run_name": run.name},
        params={"dtype": str(pipeline.model.dtype)},
        model_type=card["task"],
    )
    Model.log(
        artifact_path=None,
        flavor=mlflow.transformers,
        run_id=run.run_id,
        model_id=logged.model_id,
        transformers_model=pipeline,
        task=card["task"],
        model_config=card.get("model_config") or None,
        input_example=card["example"],  # the signature is inferred from it
        pip_requirements=[f"{name}=={public_version(name)}" for name in ("torch", "transformers")],
    )
    return str(logged.model_id)


def public_version(name: str) -> str:
    """The public version of a distribution (without a build's local suffix)."""
    import importlib.metadata

    return importlib.metadata.version(name).partition("+")[0]
