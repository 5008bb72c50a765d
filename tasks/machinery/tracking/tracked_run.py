"""One run in MLflow; Temper writes to runs only through this class.

MLflow's fluent "active run" is never used: `end_run()` in a nested context ends the parent too, and
a crashed run stays RUNNING forever.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from mlflow import MlflowClient
from mlflow.entities import (
    Dataset,
    DatasetInput,
    InputTag,
    LoggedModelInput,
    LoggedModelOutput,
    Metric,
    Param,
    RunTag,
)
from mlflow.exceptions import MlflowException

from tasks.machinery.naming.secrets import plain_addresses, redacted
from tasks.machinery.tracking.outage import is_outage, reason
from tasks.machinery.tracking.sender import Sender
from tasks.machinery.tracking.tags import REASON, SEEN, is_identity

LOGGER = logging.getLogger(__name__)

ANSWERS = "answers"  # the name of the pictures by step

Status = Literal["FINISHED", "FAILED", "KILLED"]

_BATCH = 100  # parameters or tags in one call
_TAG_LENGTH = 5000
_HAS_PICTURES = RunTag("mlflow.loggedImages", "True")  # MLflow then looks for pictures by step
# What PostgreSQL, SQLite and MySQL say where two processes add the same row at once.
_ADDED_TWICE = ("UniqueViolation", "UNIQUE constraint failed", "Duplicate entry")


def as_tags(values: Mapping[str, Any]) -> list[RunTag]:
    """MLflow's tags, without credentials; long values are truncated.

    Identities lose only those in addresses: a host may be called like a variable's password.
    """
    texts = {
        name: (plain_addresses if is_identity(name) else redacted)(str(value))
        for name, value in values.items()
    }
    return [RunTag(name, text[:_TAG_LENGTH]) for name, text in texts.items()]


class TrackedRun:
    """A run that this process writes to.

    `log`, `note` and `picture` never wait and never fail: they deliver in the background. All other
    methods write at once, and raise if MLflow is unreachable or rejects it.

    Args:
        client: MLflow.
        run_id: the run.
        experiment_id: its experiment.
        name: its name for people.
        has: final metrics that MLflow already has: they are not logged again.
        say: called with messages about outages.
    """

    def __init__(
        self,
        client: MlflowClient,
        run_id: str,
        experiment_id: str,
        name: str,
        *,
        has: Mapping[str, float] | None = None,
        say: Callable[[str], None] = LOGGER.warning,
    ) -> None:
        self.client, self.run_id, self.experiment_id = client, run_id, experiment_id
        self.name = name
        self._has = dict(has or {})
        self._steps: dict[str, set[int]] = {}  # steps that MLflow had before this process
        self._unknown = set(self._has)  # metrics whose steps must be read from MLflow first
        self._last_step = 0
        self._pictures: dict[int, Path] = {}  # by step, to be sent
        self._pictured: set[int] | None = None  # steps of which MLflow has one; None: to be asked
        self._points: dict[str, Metric] = {}  # the newest point of each curve
        self._system: Any = None
        self.beating: Callable[[], None] | None = None  # called with each heartbeat of this run
        self.sender = Sender(self._send, self.beat, say)

    def params(self, values: Mapping[str, Any]) -> None:
        """Log parameters."""
        params = [Param(name, redacted(str(value))) for name, value in values.items()]
        for start in range(0, len(params), _BATCH):
            self.client.log_batch(self.run_id, params=params[start : start + _BATCH])

    def tags(self, values: Mapping[str, Any]) -> None:
        """Set tags."""
        tags = as_tags(values)
        for start in range(0, len(tags), _BATCH):
            self.client.log_batch(self.run_id, tags=tags[start : start + _BATCH])

    def note(self, values: Mapping[str, Any]) -> None:
        """Set tags in the background."""
        self.sender.add(tags=as_tags(values))

    def log(self, step: int, metrics: Mapping[str, float], at: float | None = None) -> None:
        """Log metrics of a step in the background; `at` is when they were measured."""
        stamp = int((time.time() if at is None else at) * 1000)
        self._last_step = max(self._last_step, step)
        points = [Metric(name, float(value), stamp, step) for name, value in metrics.items()]
        self._points |= {point.key: point for point in points}
        self.sender.add(points)

    def picture(self, step: int, file: Path) -> None:
        """Log the picture of a step in the background, unless MLflow has it."""
        self._pictures[step] = file
        self.sender.add(tags=[_HAS_PICTURES])  # which sends the pictures, too

    def beat(self) -> None:
        """Record that this process is alive."""
        if self.beating is not None:
            self.beating()
        self.tags({SEEN: f"{time.time():.0f}"})

    def _send(self, metrics: list[Metric], tags: list[RunTag]) -> None:
        for name in sorted(self._unknown & {metric.key for metric in metrics}):
            history = self.client.get_metric_history(self.run_id, name)
            self._steps[name] = {point.step for point in history}
            self._unknown.discard(name)
        new = [metric for metric in metrics if metric.step not in self._steps.get(metric.key, ())]
        self._send_pictures()
        self.client.log_batch(self.run_id, metrics=new, tags=tags)

    def _send_pictures(self) -> None:
        if not self._pictures:
            return
        from PIL import Image

        if self._pictured is None:
            files = self.client.list_artifacts(self.run_id, "images")
            steps = [step_of_picture(file.path) for file in files]
            self._pictured = {step for step in steps if step is not None}
        for step in sorted(self._pictures):
            if step not in self._pictured:
                with Image.open(self._pictures[step]) as image:
                    self.client.log_image(self.run_id, image, key=ANSWERS, step=step)
                self._pictured.add(step)
            self._pictures.pop(step)

    def result(
        self,
        metrics: Mapping[str, float],
        model_id: str | None = None,
        dataset: Dataset | None = None,
    ) -> None:
        """Log final metrics, linked to the model and the data set that they describe."""
        self.sender.flush()
        now = int(time.time() * 1000)
        new = {name: float(value) for name, value in metrics.items()}
        new = {name: value for name, value in new.items() if self._has.get(name) != value}
        told = [
            Metric(
                name,
                value,
                *self._place_of(name, value, now),
                model_id=model_id,
                dataset_name=dataset.name if dataset else None,
                dataset_digest=dataset.digest if dataset else None,
                run_id=self.run_id,
            )
            for name, value in new.items()
        ]
        self.client.log_batch(self.run_id, metrics=told)
        self._has |= new

    def _place_of(self, name: str, value: float, now: int) -> tuple[int, int]:
        """Time and step of a final metric: those of the curve's last point, if it is the same.

        MLflow then stores it once, and still links it to the model.
        """
        point = self._points.get(name)
        if point is not None and point.value == value:
            return point.timestamp, point.step
        return now, self._last_step

    def artifacts(self, folder: Path, names: Iterable[str]) -> None:
        """Log the files of these names in a folder, and no other file in it."""
        log_files(self.client, self.run_id, folder, names)

    def reads(self, datasets: Mapping[str, Dataset], models: Iterable[str] = ()) -> None:
        """Log the data sets and models that the run reads; the key of a data set is its role."""
        inputs = [
            DatasetInput(dataset, [InputTag("mlflow.data.context", role)])
            for role, dataset in datasets.items()
        ]
        if inputs or models:
            chosen = [LoggedModelInput(model_id) for model_id in models]
            for _ in inputs:
                try:
                    self.client.log_inputs(self.run_id, datasets=inputs, models=chosen)
                except MlflowException as problem:
                    # Another run added one of the same data sets meanwhile: it is found next time.
                    if not any(words in str(problem) for words in _ADDED_TWICE):
                        raise
                else:
                    return
            self.client.log_inputs(self.run_id, datasets=inputs, models=chosen)

    def makes(self, model_id: str) -> None:
        """Show a model on the page of the run, as one that it made; once."""
        outputs = self.client.get_run(self.run_id).outputs
        known = {each.model_id for each in outputs.model_outputs} if outputs else set()
        if model_id not in known:
            self.client.log_outputs(self.run_id, [LoggedModelOutput(model_id, step=0)])

    def watch_system(self) -> None:
        """Log the use of processor, memory, disk and network until the run is closed."""
        from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

        logging.getLogger("mlflow.system_metrics").setLevel(logging.CRITICAL)
        self._system = SystemMetricsMonitor(
            self.run_id, sampling_interval=5, samples_before_logging=1, resume_logging=True
        )
        self._system.start()

    def finish(self, status: Status, why: str = "", at: float | None = None) -> None:
        """End the run with its true status.

        Args:
            status: how it ended.
            why: the reason, if it did not finish.
            at: when it ended, in seconds since the epoch; default now.

        Raises:
            Exception: MLflow is unreachable or rejects it; the call can be repeated.
        """
        self._stop_threads()
        self.sender.flush()
        if why:
            self.tags({REASON: why})
        ended = None if at is None else int(at * 1000)
        self.client.set_terminated(self.run_id, status=status, end_time=ended)

    def close(self, status: Status, why: str = "") -> None:
        """End the run after a failure, quickly and without raising another error.

        If MLflow is unreachable now, a later start closes the run.
        """
        if self.sender.is_out:
            self.leave()
            return
        try:
            promptly(lambda: self.finish(status, why))
        except Exception as problem:
            if not is_outage(problem):
                LOGGER.warning("cannot close run %s in MLflow: %s", self.run_id, reason(problem))

    def leave(self) -> None:
        """Stop writing to the run without ending it; the rest is reported later."""
        self._stop_threads()

    def _stop_threads(self) -> None:
        system, self._system = self._system, None
        if system is not None and not self.sender.is_out:
            system.finish()
        self.sender.stop()


def step_of_picture(path: str) -> int | None:
    """The step of one of our pictures, from the path that MLflow gave it; None of another file.

    The compressed copy counts, which MLflow writes last.
    """
    found = re.match(rf"images/{ANSWERS}[+%]step[+%](\d+)[+%].*compressed\.webp$", path)
    return int(found[1]) if found else None


def log_files(client: MlflowClient, run_id: str, folder: Path, names: Iterable[str]) -> None:
    """Log the files of these names in a folder to a run, and no other file in it."""
    for name in names:
        where = Path(name).parent.as_posix()
        client.log_artifact(run_id, str(folder / name), None if where == "." else where)


def promptly(step: Callable[[], None], seconds: float = 10.0) -> None:
    """Call a function that may wait for a server, with a timeout.

    Raises:
        TimeoutError: it has not returned; it continues in the background.
        Exception: the function raised it.
    """
    problems: list[BaseException] = []

    def attempt() -> None:
        try:
            step()
        except BaseException as problem:
            problems.append(problem)

    thread = threading.Thread(target=attempt, name="promptly", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise TimeoutError(f"no answer within {seconds:.0f} s")
    if problems:
        raise problems[0]
