"""Who triggered this flow run, and whether a later one is due."""

from __future__ import annotations

import getpass
import os
import socket
from datetime import UTC, datetime
from typing import Any

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.context import FlowRunContext

UNENDED = [StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING]


def person() -> str:
    """`ada@laptop`: the user of this process."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # in a container, the user may have no name
        user = f"user {os.getuid()}"
    return f"{user}@{socket.gethostname()}"


def who_triggered() -> str:
    """A schedule, an automation or a person in Prefect's UI; else the user of this process."""
    run = _flow_run()
    if run is None or run.deployment_id is None:
        return person()
    if run.auto_scheduled:
        return "schedule"
    made = run.created_by
    if made is not None and made.type:
        return " ".join(filter(None, [made.type.lower(), made.display_value]))
    return "a person in Prefect"


def later_one_is_due() -> datetime | None:
    """When the newest later run of the same schedule was due, if it waits, starts or runs.

    A schedule continues while the process that serves it is down. When that is back, all missed
    runs are late, and one of them is enough: the last. Each would read the same current data.
    """
    run = _flow_run()
    if run is None or run.deployment_id is None or not run.auto_scheduled:
        return None
    if run.expected_start_time is None:
        return None
    until: Any = datetime.now(UTC)
    waiting = FlowRunFilter(
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=UNENDED)),
        expected_start_time=FlowRunFilterExpectedStartTime(
            after_=run.expected_start_time, before_=until
        ),
    )
    deployment = DeploymentFilter(id=DeploymentFilterId(any_=[run.deployment_id]))
    with get_client(sync_client=True) as client:
        found = client.read_flow_runs(flow_run_filter=waiting, deployment_filter=deployment)
    due = [
        other.expected_start_time
        for other in found
        if other.id != run.id and other.auto_scheduled and other.expected_start_time is not None
    ]
    return max(due, default=None)


def _flow_run() -> FlowRun | None:
    context = FlowRunContext.get()
    return None if context is None else context.flow_run
