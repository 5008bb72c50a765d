"""Missed scheduled runs: only the newest of each deployment is run.

Prefect plans the runs of a schedule ahead, and starts each of them once a process serves the
deployment, however late. After a week without `temper up`, or a training that took a day, all runs
planned in between would start.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.states import Cancelled

LATE = timedelta(seconds=30)
SKIPPED = "missed: nothing could run it at its time; a later run of the same schedule replaces it"


def skip_missed_runs(late: timedelta = LATE) -> list[UUID]:
    """Cancel the scheduled runs that are late, except the newest of each deployment."""
    before: Any = datetime.now(UTC) - late  # typed Any, since Prefect declares its own time type
    with get_client(sync_client=True) as client:
        found = client.read_flow_runs(
            flow_run_filter=FlowRunFilter(
                state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED])),
                expected_start_time=FlowRunFilterExpectedStartTime(before_=before),
            ),
            sort=FlowRunSort.EXPECTED_START_TIME_DESC,
        )
        skipped = superfluous(found)
        for flow_run_id in skipped:
            client.set_flow_run_state(flow_run_id, Cancelled(name="Skipped", message=SKIPPED))
    return skipped


def superfluous(late: list[FlowRun]) -> list[UUID]:
    """The late runs (given newest first) that a newer run of the same deployment replaces."""
    seen, found = defaultdict[UUID, int](int), []
    for flow_run in late:
        if not flow_run.auto_scheduled or flow_run.deployment_id is None:
            continue  # a person triggered it: it stays in the queue
        seen[flow_run.deployment_id] += 1
        if seen[flow_run.deployment_id] > 1:
            found.append(flow_run.id)
    return found
