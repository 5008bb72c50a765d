"""Runs read from MLflow's SQLite database, for lists of very many.

MLflow's search makes an object of each parameter, tag and metric, three hundred a run: 2,000 runs
took over 30 s. Reading their rows took 1.1 s. The database is only read, and only where
it is a file on this machine with the tables of the MLflow that is installed; otherwise the search
is used.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from sys import intern
from typing import Any, TypeVar

from tasks.machinery.host.uris import existing_database
from tasks.machinery.tracking.tags import EXPERIMENT, FINGERPRINT, NOTE, STAGE, artifact_name

Found = TypeVar("Found")

_RUNS = """
SELECT run_uuid, experiment_id, name, status, start_time, end_time FROM runs
WHERE lifecycle_stage = 'active'
  AND run_uuid IN (SELECT run_uuid FROM tags WHERE key = ?)
ORDER BY start_time DESC, run_uuid
"""
_PARAMS = "SELECT key, value FROM params WHERE run_uuid = ?"
_TAGS = "SELECT key, value FROM tags WHERE run_uuid = ? AND key != ?"
# The newest first, as the search of MLflow orders them.
_STAGES = """
SELECT stages.value, fingerprints.value, experiment_id, start_time, end_time
FROM tags AS fingerprints
JOIN runs ON runs.run_uuid = fingerprints.run_uuid
LEFT JOIN tags AS stages ON stages.run_uuid = runs.run_uuid AND stages.key = ?
WHERE fingerprints.key = ? AND status = 'FINISHED' AND lifecycle_stage = 'active'
ORDER BY start_time DESC, runs.run_uuid
"""
_METRICS = "SELECT key, value, is_nan FROM latest_metrics WHERE run_uuid = ?"


@dataclass(frozen=True)
class StoredRun:
    """A run as MLflow stores it.

    Attributes:
        started: milliseconds since the epoch.
        ended: milliseconds since the epoch; None while it runs.
        tags: all but the page of the run, which is long.
    """

    run_id: str
    experiment_id: str
    name: str
    status: str
    started: int
    ended: int | None
    params: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, found: Any) -> StoredRun:
        """A run as MLflow's search gives it."""
        info, data = found.info, found.data
        return cls(
            run_id=info.run_id,
            experiment_id=info.experiment_id,
            name=info.run_name or info.run_id,
            status=info.status,
            started=info.start_time,
            ended=info.end_time,
            params=data.params,
            metrics=data.metrics,
            tags=data.tags,
        )


class StoredRuns:
    """The runs in a database; each method returns None where it cannot be read.

    Attributes:
        database: MLflow's SQLite database.
    """

    def __init__(self, database: Path) -> None:
        self.database = database

    def experiments(self) -> dict[str, str] | None:
        """The names of the experiments, by their ids in MLflow."""
        query = "SELECT experiment_id, name FROM experiments WHERE lifecycle_stage = 'active'"
        return self._reading(
            lambda opened: {str(number): name for number, name in opened.execute(query)}
        )

    def runs(self, experiments: Collection[str]) -> list[StoredRun] | None:
        """The runs of experiments (by id) and of their parts, the newest first."""
        return self._reading(lambda opened: _runs(opened, set(experiments)))

    def seconds_of_stages(self, experiments: Collection[str]) -> dict[str, float] | None:
        """How long each artifact (`stage/fingerprint`) took, by the last run that computed it."""
        return self._reading(lambda opened: _seconds_of_stages(opened, set(experiments)))

    def _reading(self, read: Callable[[sqlite3.Connection], Found]) -> Found | None:
        try:
            with closing(sqlite3.connect(existing_database(self.database), uri=True)) as opened:
                return read(opened)
        except sqlite3.Error:  # other tables, damaged, or locked: MLflow's client reports it
            return None


def _runs(opened: sqlite3.Connection, experiments: set[str]) -> list[StoredRun]:
    found = []
    for run_id, experiment, name, status, started, ended in opened.execute(_RUNS, [EXPERIMENT]):
        if str(experiment) not in experiments:
            continue
        # Runs have the same names and mostly the same values: one string for all of them.
        params = {intern(key): intern(value) for key, value in opened.execute(_PARAMS, [run_id])}
        tags = {intern(key): value for key, value in opened.execute(_TAGS, [run_id, NOTE])}
        metrics = {
            intern(key): float("nan") if is_nan else value
            for key, value, is_nan in opened.execute(_METRICS, [run_id])
        }
        found.append(
            StoredRun(
                run_id=run_id,
                experiment_id=str(experiment),
                name=name or run_id,
                status=status,
                started=started,
                ended=ended,
                params=params,
                metrics=metrics,
                tags=tags,
            )
        )
    return found


def _seconds_of_stages(opened: sqlite3.Connection, experiments: set[str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for stage, fingerprint, experiment, started, ended in opened.execute(
        _STAGES, [STAGE, FINGERPRINT]
    ):
        if ended and str(experiment) in experiments:
            name = artifact_name({STAGE: stage or "", FINGERPRINT: fingerprint})
            found.setdefault(name, (ended - started) / 1000)
    return found
