"""Which artifacts the runs in MLflow refer to: those that are neither deleted nor of a deleted run.

An experiment's run refers to what it used by its tags `temper.artifact.<title>`. A stage's run
refers to what it computed, as long as the experiment's run above it is not deleted. A deleted
experiment counts as all of its runs deleted.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import ViewType

from tasks.contract import StageError
from tasks.machinery.host.home import tracking_uri
from tasks.machinery.servers.servers import database_behind
from tasks.machinery.tracking.outage import reason
from tasks.machinery.tracking.tags import ARTIFACT_OF, PARENT, artifact_name, named
from tasks.machinery.tracking.tracking import without_credentials


@dataclass(frozen=True)
class Referred:
    """What living runs refer to.

    Attributes:
        uri: which MLflow this is about.
        artifacts: `stage/fingerprint` of each.
        runs: the ids of the runs that live.
    """

    uri: str
    artifacts: frozenset[str]
    runs: frozenset[str]


def referred() -> Referred:
    """Ask MLflow for all that its runs refer to.

    Raises:
        StageError: it cannot be asked.
    """
    uri = without_credentials(tracking_uri())
    logging.getLogger("mlflow").setLevel(logging.CRITICAL)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    database = Path(uri.removeprefix("sqlite:///"))
    if uri.startswith("sqlite:///") and not database.is_file():  # asking would make an empty one
        raise StageError(f"MLflow cannot be asked what its runs refer to: there is no {database}")
    try:
        runs = {run.info.run_id: run for run in _runs(MlflowClient(tracking_uri()))}
    except Exception as problem:
        raise StageError(
            f"MLflow at {uri} cannot be asked what its runs refer to: {reason(problem)}. Start it, "
            "or set MLFLOW_TRACKING_URI to the one that has the runs"
        ) from None
    living = {run_id: run.data.tags for run_id, run in runs.items() if _lives(run, runs)}
    return Referred(
        database_behind(uri),
        frozenset(name for tags in living.values() for name in _names(tags)),
        frozenset(living),
    )


def _lives(run: Any, runs: dict[str, Any]) -> bool:
    """Whether the run above it, if there is one, is not deleted."""
    above = run.data.tags.get(PARENT)
    return above is None or above in runs


def _names(tags: dict[str, str]) -> Iterator[str]:
    yield from named(tags, ARTIFACT_OF).values()
    own = artifact_name(tags)
    if own:
        yield own


def _runs(client: MlflowClient) -> Iterator[Any]:
    """All runs that are not deleted, of all experiments that are not."""
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
