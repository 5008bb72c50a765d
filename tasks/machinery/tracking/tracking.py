"""The runs of an experiment in MLflow: opened, resumed, and closed with their true status.

Each run is tagged with its owner process and the time of its last heartbeat, so the next start, on
any host, can close runs left by a crash.
"""

from __future__ import annotations

import copy
import logging
import shlex
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import mlflow
from filelock import FileLock
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from tasks.contract import StageError
from tasks.machinery.host.home import home, own_database, tracking_uri
from tasks.machinery.host.owner import is_alive, this_process
from tasks.machinery.host.uris import sqlite_uri
from tasks.machinery.naming.secrets import without_credentials
from tasks.machinery.servers.servers import database_behind
from tasks.machinery.tracking.outage import Rest, is_outage, reason
from tasks.machinery.tracking.tags import FLOW_RUN_ID, OWNER, PARENT, REASON, RESUMED, SEEN
from tasks.machinery.tracking.tracked_run import TrackedRun, as_tags

LOGGER = logging.getLogger(__name__)

GONE = "its process had died before the next start"
_ABSENT = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")  # what MLflow says of no such id


class Tracking:
    """The runs of one experiment in MLflow.

    Args:
        experiment: name of the experiment, created if missing. Empty for no experiment, to close
            the runs of dead processes.
        say: called with messages about outages.

    Raises:
        StageError: MLflow is unreachable, or the experiment was deleted in it.
    """

    def __init__(self, experiment: str, say: Callable[[str], None] = LOGGER.warning) -> None:
        logging.getLogger("mlflow").setLevel(logging.CRITICAL)  # errors are reported in one line
        logging.getLogger("alembic").setLevel(logging.WARNING)
        self.say, self._rest = say, Rest()
        self.address = without_credentials(tracking_uri())  # its current address
        self.uri = database_behind(self.address)  # its identity, independent of the address
        try:
            home().mkdir(parents=True, exist_ok=True)
            make_database()
            mlflow.set_tracking_uri(tracking_uri())
            self.client = MlflowClient(tracking_uri())
            self.experiment_id = self._experiment(experiment) if experiment else ""
        except Exception as problem:
            if not is_outage(problem):
                raise
            raise StageError(
                f"MLflow at {self.address} cannot be used: {reason(problem)}. Start it (or stop "
                "the process that locks its database), or unset MLFLOW_TRACKING_URI to store the "
                f"runs in {home() / 'mlflow.db'}"
            ) from None

    def _experiment(self, name: str) -> str:
        """The id of an experiment, created if missing."""
        found = self.client.get_experiment_by_name(name)
        if found is None:
            try:
                return str(self.client.create_experiment(name, _artifacts(name)))
            except MlflowException:  # another process created it
                found = self.client.get_experiment_by_name(name)
                if found is None:
                    raise
        if found.lifecycle_stage == "deleted":
            raise StageError(
                f"name: the experiment {name!r} was deleted in MLflow; restore it with "
                f"`MLFLOW_TRACKING_URI={shlex.quote(self.address)} mlflow experiments restore "
                f"--experiment-id {found.experiment_id}`, or give this one another name"
            )
        return str(found.experiment_id)

    def rest(self) -> None:
        """Do not ask MLflow for a while: it was unreachable, and each try takes seconds."""
        self._rest.begin()

    @property
    def is_resting(self) -> bool:
        """Whether it is too early to ask MLflow again after an outage."""
        return bool(self._rest)

    def knows(self, record: Mapping[str, str]) -> bool:
        """Whether a recorded run and its model are in this MLflow, and not deleted."""
        if record.get("tracking_uri") != self.uri or self.find(record["run_id"]) is None:
            return False
        return "model_id" not in record or self._has_model(record["model_id"])

    def _has_model(self, model_id: str) -> bool:
        try:
            self.client.get_logged_model(model_id)
        except MlflowException as error:
            if error.error_code not in _ABSENT:
                raise
            return False
        return True

    def find(self, run_id: str) -> Any:
        """A run that exists and is not deleted, or None."""
        try:
            found = self.client.get_run(run_id)
        except MlflowException as error:
            if error.error_code not in _ABSENT:
                raise
            return None
        return found if found.info.lifecycle_stage == "active" else None

    def within(self, experiment_id: str) -> Tracking:
        """The same MLflow, for the runs of another experiment."""
        other = copy.copy(self)
        other.experiment_id = experiment_id
        return other

    def open(
        self,
        name: str,
        tags: Mapping[str, Any],
        parent: TrackedRun | None = None,
        at: float | None = None,
    ) -> TrackedRun:
        """Start a run that this process owns; `at` is when it began, now if not given."""
        given = {name: str(value) for name, value in tags.items()} | self._owned()
        given |= {PARENT: parent.run_id} if parent else {}
        made = self.client.create_run(
            self.experiment_id,
            run_name=name,
            start_time=None if at is None else int(at * 1000),
            tags={tag.key: tag.value for tag in as_tags(given)},
        )
        return self._begin(made, name)

    def _owned(self) -> dict[str, str]:
        return {OWNER: this_process(), SEEN: f"{time.time():.0f}"}

    def _begin(self, found: Any, name: str) -> TrackedRun:
        run = TrackedRun(
            self.client,
            found.info.run_id,
            found.info.experiment_id,
            name,
            has=found.data.metrics,
            say=self.say,
        )
        run.sender.start()
        return run

    def reopen(self, run_id: str, name: str, *, finished: bool = False) -> TrackedRun | None:
        """Resume a run that was interrupted; None if it cannot be resumed.

        Args:
            run_id: the run.
            name: its name for people.
            finished: also resume a run that MLflow shows as finished.
        """
        found = self.find(run_id)
        if found is None or (found.info.status == "FINISHED" and not finished):
            return None
        run = self._begin(found, name)
        run.tags(self._owned())  # first, or another start would close the run once RUNNING
        if REASON in found.data.tags:  # the reason of the former end
            self.client.delete_tag(run_id, REASON)
        self.client.update_run(run_id, status="RUNNING", name=name)
        return run

    def interrupted(self, name: str, tag: str, value: str) -> TrackedRun | None:
        """Resume the newest run that has this tag, if it did not finish."""
        newest = self.client.search_runs(
            [self.experiment_id],
            f"tags.`{tag}` = '{value}'",
            max_results=1,
            order_by=["attributes.start_time DESC"],
        )
        if not newest or newest[0].info.status not in ("KILLED", "FAILED"):
            return None
        run = self.reopen(newest[0].info.run_id, name)
        if run is not None:
            run.tags({RESUMED: "true"})
        return run

    def newest_finished(self, tag: str, value: str, *, before: int | None = None) -> Any:
        """The newest finished run with this tag that began before a time (ms); None for none."""
        began = "" if before is None else f" AND attributes.start_time < {before}"
        found = self.client.search_runs(
            [self.experiment_id],
            f"tags.`{tag}` = '{value}' AND attributes.status = 'FINISHED'{began}",
            max_results=1,
            order_by=["attributes.start_time DESC"],
        )
        return found[0] if found else None

    def created(self, tag: str, value: str, begins: int) -> str:
        """The id of the run with this tag that began at this time (ms); empty if there is none."""
        found = self.client.search_runs(
            [self.experiment_id],
            f"tags.`{tag}` = '{value}' AND attributes.start_time = {begins}",
            max_results=1,
        )
        return str(found[0].info.run_id) if found else ""

    def close_dead_runs(self) -> list[str]:
        """Close as KILLED the runs, of any experiment, whose process has died.

        Returns:
            The Prefect flow runs that they belonged to.
        """
        dead = [run for run in self._running() if _is_dead(run)]
        for run in dead:
            now = self.find(run.info.run_id)
            if now is None or now.info.status != "RUNNING" or not _is_dead(now):
                continue  # another process has resumed it
            TrackedRun(self.client, run.info.run_id, run.info.experiment_id, "").close(
                "KILLED", GONE
            )
        flows = (run.data.tags.get(FLOW_RUN_ID, "") for run in dead)
        return sorted({flow for flow in flows if flow})

    def _running(self) -> Iterator[Any]:
        """All runs that MLflow shows as running."""
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


def _is_dead(run: Any) -> bool:
    """Whether the owner of a run that MLflow shows as running has died."""
    tags = run.data.tags
    try:
        seen = float(tags.get(SEEN, ""))
    except ValueError:  # it has no such tag, or somebody wrote it
        seen = run.info.start_time / 1000
    return OWNER in tags and not is_alive(tags[OWNER], seen)


def make_database() -> None:
    """Create the database in the state folder atomically, if it is used.

    MLflow creates its tables one by one: a kill in the middle, or two processes at once, would
    leave a database that no later start can use.
    """
    database = home() / "mlflow.db"
    if tracking_uri() != own_database() or database.is_file():
        return
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    with FileLock(database.with_suffix(".lock")):
        if database.is_file():
            return
        partial = database.with_name("mlflow.partial.db")
        for file in database.parent.glob(f"{partial.name}*"):
            file.unlink()
        # By default, its experiment "Default" would store files in the working directory.
        SqlAlchemyStore(sqlite_uri(partial), (home() / "mlartifacts").as_uri())
        partial.rename(database)


def _artifacts(experiment: str) -> str | None:
    """Where an experiment stores artifacts; a server chooses that by itself.

    Except the server of `temper up`: its artifacts must be readable without it too.
    """
    uri = database_behind(without_credentials(tracking_uri()))
    if uri.startswith(("http://", "https://", "databricks")):
        return None
    return (home() / "mlartifacts" / experiment).as_uri()
