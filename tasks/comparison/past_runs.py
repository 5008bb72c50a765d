"""Reading runs of experiments and of their parts from MLflow, all of them at once.

MLflow is imported where its client is used: it takes longer than reading 2,000 runs from a file.
"""

from __future__ import annotations

import contextlib
import functools
import logging
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from tasks.comparison.past_run import PastRun
from tasks.contract import StageError, UnreachableError
from tasks.machinery.host.home import tracking_uri
from tasks.machinery.host.uris import sqlite_file
from tasks.machinery.naming.secrets import without_credentials
from tasks.machinery.naming.spelling import nearest
from tasks.machinery.servers.reachable import require_reachable_servers
from tasks.machinery.servers.servers import database_behind
from tasks.machinery.store.store import Store
from tasks.machinery.tracking.stored_runs import StoredRun, StoredRuns
from tasks.machinery.tracking.tags import FINGERPRINT, IS_WHOLE, artifact_name

if TYPE_CHECKING:
    from mlflow import MlflowClient

_PAGE = 500


class PastRuns:
    """The runs in MLflow.

    Raises:
        StageError: there is no MLflow yet, or it is unreachable.
    """

    def __init__(self) -> None:
        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self.uri = without_credentials(tracking_uri())
        database = sqlite_file(self.uri)
        if database is not None and not database.is_file():
            raise StageError(  # a query would create an empty one
                f"there are no runs yet: no {database}. Run an experiment first (`temper run`), or "
                "set TEMPER_HOME or MLFLOW_TRACKING_URI to where the runs are"
            )
        require_reachable_servers(prefect=False)
        behind = sqlite_file(database_behind(self.uri))
        self._stored = StoredRuns(behind) if behind is not None else None
        names = self._stored.experiments() if self._stored else None
        if names is None:
            with self._asking():
                names = {found.experiment_id: found.name for found in self._experiments()}
        self.names = names

    @functools.cached_property
    def client(self) -> MlflowClient:
        """MLflow's client."""
        from mlflow import MlflowClient

        with self._asking():
            return MlflowClient(tracking_uri())

    def experiments_runs(self, experiment: str = "", narrowed: str = "") -> list[PastRun]:
        """The runs of experiments, and of their parts on their own, the newest first.

        Args:
            experiment: name of the experiment; empty for all.
            narrowed: a filter in MLflow's syntax, such as `metrics.x > 0.5`.

        Raises:
            StageError: no such experiment, or MLflow does not understand the filter.
        """
        chosen = [number for number, name in self.names.items() if experiment in ("", name)]
        if experiment and not chosen:
            hint = nearest(experiment, self.names.values())
            known = ", ".join(sorted(self.names.values()))
            raise StageError(f"no experiment is called {experiment!r}{hint}. There are: {known}")
        if self._stored and not narrowed.strip():
            stored = self._stored.runs(chosen)
            if stored is not None:
                return [self._past(found) for found in stored]
        wanted = f"{IS_WHOLE} and {narrowed}" if narrowed.strip() else IS_WHOLE
        with self._asking(narrowed):
            return [self._past(StoredRun.of(found)) for found in self._search(chosen, wanted)]

    def seconds_of_stages(self) -> dict[str, float]:
        """How long each artifact (`stage/fingerprint`) took, by the runs that computed them."""
        stored = self._stored.seconds_of_stages(self.names) if self._stored else None
        if stored is not None:
            return stored
        found: dict[str, float] = {}
        with self._asking():
            for run in self._search(list(self.names), f"tags.`{FINGERPRINT}` LIKE '%'"):
                tags, info = run.data.tags, run.info
                name = artifact_name(tags)
                if info.status == "FINISHED" and info.end_time:
                    found.setdefault(name, (info.end_time - info.start_time) / 1000)
        return found

    @contextlib.contextmanager
    def _asking(self, narrowed: str = "") -> Iterator[None]:
        try:
            yield
        except Exception as problem:
            from mlflow.exceptions import MlflowException

            from tasks.machinery.tracking.outage import is_outage, reason

            if is_outage(problem):
                raise UnreachableError(
                    f"cannot query MLflow at {self.uri} for its runs: {reason(problem)}. Start "
                    "it, or set MLFLOW_TRACKING_URI to the server that has the runs"
                ) from None
            if narrowed and isinstance(problem, MlflowException):
                raise StageError(
                    f"MLflow does not accept the filter {narrowed!r}: {reason(problem)}. "
                    "Accepted: comparisons joined by `and`, such as "
                    "'metrics.`downstream/library/accuracy` > 0.5 and params.`seed` = \"1\"'"
                ) from None
            raise

    def _experiments(self) -> Iterator[Any]:
        from mlflow.entities import ViewType

        token = None
        while True:
            page = self.client.search_experiments(ViewType.ACTIVE_ONLY, page_token=token)
            yield from page
            token = page.token
            if not token:
                return

    def _search(self, experiments: list[str], wanted: str) -> Iterator[Any]:
        from mlflow.entities import ViewType

        token = None
        while experiments:
            page = self.client.search_runs(
                experiments,
                wanted,
                run_view_type=ViewType.ACTIVE_ONLY,
                max_results=_PAGE,
                order_by=["attributes.start_time DESC"],
                page_token=token,
            )
            yield from page
            token = page.token
            if not token:
                return

    def _past(self, found: StoredRun) -> PastRun:
        return PastRun(
            run_id=found.run_id,
            name=found.name,
            experiment=self.names[found.experiment_id],
            status=found.status,
            started=found.started / 1000,
            seconds=(found.ended - found.started) / 1000 if found.ended else 0.0,
            params=found.params,
            metrics=found.metrics,
            tags=found.tags,
        )


def seconds_of(runs: Sequence[PastRun], past: PastRuns, store: Store) -> dict[str, float]:
    """How long each artifact of the runs took to compute: from the store, else from MLflow."""
    found: dict[str, float] = {}
    for name in {name for run in runs for name in run.artifacts.values()}:
        artifact = store.named(name)
        if artifact is not None:
            found[name] = artifact.seconds
    wanted = {name for run in runs for name in run.artifacts.values()}
    return found if wanted <= found.keys() else past.seconds_of_stages() | found
