"""Duplicates in the queue: the same flow run triggered twice runs once.

When a flow run starts, queued runs of its flow with the same parameters would find everything
cached. They are cancelled, and name the run that does the work.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from prefect import Flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterId,
    FlowRunFilter,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterState,
    FlowRunFilterStateName,
)
from prefect.context import FlowRunContext
from prefect.settings import PREFECT_API_URL
from prefect.states import Cancelled
from pydantic_core import to_jsonable_python

LOGGER = logging.getLogger(__name__)

WAITING = ["Scheduled", "Late"]  # not runs that wait to be retried or resumed


def cancel_duplicates() -> list[UUID]:
    """Cancel the queued flow runs that would repeat this one.

    Does nothing outside a flow run and with a temporary server, whose queue is empty. Never raises:
    a duplicate that runs only finds everything cached.

    Returns:
        The cancelled flow runs.
    """
    context = FlowRunContext.get()
    if not PREFECT_API_URL.value() or context is None or context.flow_run is None:
        return []
    flow, this = context.flow, context.flow_run
    if flow is None:
        return []
    until: Any = datetime.now(UTC)
    waiting = FlowRunFilter(
        state=FlowRunFilterState(name=FlowRunFilterStateName(any_=WAITING)),
        expected_start_time=FlowRunFilterExpectedStartTime(before_=until),
    )
    why = f"duplicate of the flow run {this.name} ({this.id}), which started before this one"
    cancelled = []
    try:
        wanted = normal(flow, context.parameters or {})
        with get_client(sync_client=True) as client:
            same_flow = FlowFilter(id=FlowFilterId(any_=[this.flow_id]))
            for other in client.read_flow_runs(flow_filter=same_flow, flow_run_filter=waiting):
                if other.id != this.id and normal(flow, other.parameters) == wanted:
                    client.set_flow_run_state(other.id, Cancelled(message=why))
                    cancelled.append(other.id)
    except Exception as problem:  # a failing server must not prevent a start
        LOGGER.warning("duplicates in the queue were not checked: %s", type(problem).__name__)
    return cancelled


def normal(flow: Flow[..., Any], parameters: Mapping[str, Any]) -> Any:
    """Parameters as plain values, with defaults for those not given; None if invalid."""
    try:
        bound = inspect.signature(flow.fn).bind(**flow.validate_parameters(dict(parameters)))
    except Exception:  # it will fail by itself
        return None
    bound.apply_defaults()
    return to_jsonable_python(bound.arguments)
