"""The runs of an experiment in MLflow: opened, gone on with, and closed as what they were.

Each run carries the process that owns it, and when that last said that it lives: so the next start,
on whichever host, can close what a crash left.
"""

from __future__ import annotations

import copy
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import mlflow
from filelock import FileLock
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from tasks.contract import StageError
from tasks.machinery.host.home import home, own_database, tracking_uri
from tasks.machinery.host.owner import is_alive, this_process
from tasks.machinery.servers.servers import database_behind
from tasks.machinery.tracking.outage import Rest, is_outage, reason
from tasks.machinery.tracking.tags import FLOW_RUN_ID, OWNER, PARENT, REASON, RESUMED, SEEN
from tasks.machinery.tracking.tracked_run import TrackedRun, as_tags

LOGGER = logging.getLogger(__name__)

GONE = "its process was gone at the next start"


class Tracking:
    """The runs of one experiment in MLflow.

    Args:
        experiment: name of the experiment; made if it is not there yet. Empty: of none, to look
            after what others left.
        say: told of outages.

    Raises:
        StageError: MLflow cannot be reached, or the experiment was deleted in it.
    """

    def __init__(self, experiment: str, say: Callable[[str], None] = LOGGER.warning) -> None:
        logging.getLogger("mlflow").setLevel(logging.CRITICAL)  # what it says, we say in a line
        logging.getLogger("alembic").setLevel(logging.WARNING)
        self.say, self.rest = say, Rest()
        self.address = without_credentials(tracking_uri())  # where it is reached now
        self.uri = database_behind(self.address)  # which it is, however it is reached
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
                f"MLflow at {self.address} cannot be used: {reason(problem)}. Start it (or end "
                "what locks its database), or unset MLFLOW_TRACKING_URI to keep the runs in "
                f"{home() / 'mlflow.db'}"
            ) from None

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
        return record.get("tracking_uri") == self.uri and self.find(record["run_id"]) is not None

    def find(self, run_id: str) -> Any:
        """A run that is there and not deleted, or None."""
        try:
            found = self.client.get_run(run_id)
        except MlflowException as error:
            if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                raise
            return None
        return found if found.info.lifecycle_stage == "active" else None

    def within(self, experiment_id: str) -> Tracking:
        """The same MLflow, for the runs of another experiment of it."""
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
        run.courier.start()
        return run

    def reopen(self, run_id: str, name: str, *, finished: bool = False) -> TrackedRun | None:
        """Go on with a run that was interrupted; None where there is none to go on with.

        Args:
            run_id: the run.
            name: what people read.
            finished: also go on with one that MLflow believes to be finished.
        """
        found = self.find(run_id)
        if found is None or (found.info.status == "FINISHED" and not finished):
            return None
        run = self._begin(found, name)
        run.tags(self._owned())  # before it is running again, or a start elsewhere would close it
        if REASON in found.data.tags:  # of the end that is no longer the end
            self.client.delete_tag(run_id, REASON)
        self.client.update_run(run_id, status="RUNNING", name=name)
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
        run = self.reopen(newest[0].info.run_id, name)
        if run is not None:
            run.tags({RESUMED: "true"})
        return run

    def close_orphans(self) -> list[str]:
        """Close as KILLED the runs, of any experiment, whose process is gone.

        Returns:
            The Prefect flow runs that they belonged to.
        """
        orphans = [run for run in self._running() if _is_orphan(run)]
        for run in orphans:
            now = self.find(run.info.run_id)
            if now is None or now.info.status != "RUNNING" or not _is_orphan(now):
                continue  # somebody goes on with it meanwhile
            TrackedRun(self.client, run.info.run_id, run.info.experiment_id, "").close(
                "KILLED", GONE
            )
        flows = (run.data.tags.get(FLOW_RUN_ID, "") for run in orphans)
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


def _is_orphan(run: Any) -> bool:
    """Whether a run that MLflow believes to be running has an owner that is gone."""
    tags = run.data.tags
    seen = float(tags.get(SEEN, run.info.start_time / 1000))
    return OWNER in tags and not is_alive(tags[OWNER], seen)


def make_database() -> None:
    """Make the database in the state folder, if it is to be there: whole, or not at all.

    MLflow makes its tables one by one: a kill in the middle, or two processes at once, would leave
    a database that no later start can use.
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
        # Its experiment "Default" would keep files in the working directory of this moment.
        SqlAlchemyStore(f"sqlite:///{partial}", (home() / "mlartifacts").as_uri())
        partial.rename(database)


def without_credentials(uri: str) -> str:
    """An address as it may be shown and kept: without user and password."""
    parts = urlsplit(uri)
    if "@" not in parts.netloc:
        return uri
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _artifacts(experiment: str) -> str | None:
    """Where an experiment keeps artifacts; a server decides that by itself.

    Not the server of `temper up`: what is made through it is to be readable without it too.
    """
    uri = database_behind(tracking_uri())
    if uri.startswith(("http://", "https://", "databricks")):
        return None
    return (home() / "mlartifacts" / experiment).as_uri()
