"""The run of a stage is created once, also if the process is killed while it creates it.

MLflow chooses the id of a run. A kill between the creation and the record of the id would leave a
run that nobody resumes. So the time at which the run begins is written first, and a later start
finds the run by it: `opening.json` exists from before the creation until `run.json` has the id.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from tasks.machinery.host.files import write_atomically
from tasks.machinery.host.small_files import read_small
from tasks.machinery.tracking.tags import FINGERPRINT
from tasks.machinery.tracking.tracked_run import TrackedRun
from tasks.machinery.tracking.tracking import Tracking

_LOST = "If MLflow has a run of the stage already, the stage gets another one"


class _Opening(BaseModel):
    """The MLflow in which a run is being created, and when it begins, in ms since the epoch."""

    tracking_uri: str
    begins: int


def open_once(
    tracking: Tracking,
    folder: Path,
    title: str,
    tags: Mapping[str, Any],
    parent: TrackedRun,
    *,
    at: float | None = None,
) -> TrackedRun:
    """The run that a killed process created for the stage of a folder, or a new one.

    Args:
        tracking: the experiment in MLflow.
        folder: the artifact's; `run.json` is written to it.
        title: the name of the run.
        tags: the tags of the run, with its fingerprint.
        parent: the run of the experiment.
        at: when a new run began, in s since the epoch; now if not given.

    Raises:
        Exception: MLflow is unreachable, or rejects it.
    """
    file = folder / "opening.json"
    left = read_small(file, _Opening.model_validate, _LOST)
    run = None
    if left is not None and left.tracking_uri == tracking.uri:
        found = tracking.created(FINGERPRINT, str(tags[FINGERPRINT]), left.begins)
        run = tracking.reopen(found, title) if found else None
    if run is None:
        begins = time.time() if at is None else at
        opening = _Opening(tracking_uri=tracking.uri, begins=int(begins * 1000))
        write_atomically(file, opening.model_dump())
        run = tracking.open(title, tags, parent, begins)
    write_atomically(folder / "run.json", {"run_id": run.run_id, "tracking_uri": tracking.uri})
    file.unlink(missing_ok=True)
    return run
