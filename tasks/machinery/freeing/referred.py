"""Which artifacts the existing runs in MLflow refer to.

The run of an experiment refers to the artifacts that it used by its tags `temper.stage.<title>`.
The run of a stage refers to the artifact that it computed, unless its parent run is deleted. In a
deleted experiment, all runs count as deleted.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import ViewType

from tasks.contract import StageError
from tasks.machinery.host.home import tracking_uri
from tasks.machinery.host.uris import sqlite_file
from tasks.machinery.naming.secrets import without_credentials
from tasks.machinery.servers.reachable import require_reachable_servers
from tasks.machinery.servers.servers import database_behind
from tasks.machinery.tracking.outage import reason
from tasks.machinery.tracking.tags import PARENT, artifact_name, used_stages


@dataclass(frozen=True)
class Referred:
    """What existing runs refer to.

    Attributes:
        uri: the MLflow that was asked.
        artifacts: `stage/fingerprint` of each artifact.
        runs: the ids of the existing runs.
    """

    uri: str
    artifacts: frozenset[str]
    runs: frozenset[str]


def referred() -> Referred:
    """Query MLflow for everything that its runs refer to.

    Raises:
        StageError: it is unreachable.
    """
    uri = without_credentials(tracking_uri())
    logging.getLogger("mlflow").setLevel(logging.CRITICAL)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    database = sqlite_file(uri)
    if database is not None and not database.is_file():  # a query would create an empty one
        raise StageError(f"cannot query MLflow for what its runs refer to: there is no {database}")
    require_reachable_servers(prefect=False)
    try:
        runs = {run.info.run_id: run for run in _runs(MlflowClient(tracking_uri()))}
    except Exception as problem:
        raise StageError(
            f"cannot query MLflow at {uri} for what its runs refer to: {reason(problem)}. Start "
            "it, or set MLFLOW_TRACKING_URI to the server that has the runs"
        ) from None
    living = {run_id: run.data.tags for run_id, run in runs.items() if _lives(run, runs)}
    return Referred(
        database_behind(uri),
        frozenset(name for tags in living.values() for name in _names(tags)),
        frozenset(living),
    )


def _lives(run: Any, runs: dict[str, Any]) -> bool:
    """Whether its parent run, if it has one, exists."""
    above = run.data.tags.get(PARENT)
    return above is None or above in runs


def _names(tags: dict[str, str]) -> Iterator[str]:
    yield from (stage.artifact for stage in used_stages(tags).values())
    own = artifact_name(tags)
    if own:
        yield own


def _runs(client: MlflowClient) -> Iterator[Any]:
    """All runs that are not deleted, of all experiments that are not deleted."""
    experiments, token = list[str](), None
    while True:
        page = client.search_experiments(ViewType.ACTIVE_ONLY, page_token=token)
        experiments += [found.experiment_id for found in page]
        token = page.token
        if not token:
            break
    while experiments:
        page = client.search_runs(
            experiments, run_view_type=ViewType.ACTIVE_ONLY, max_results=500, page_token=token
        )
        yield from page
        token = page.token
        if not token:
            break
