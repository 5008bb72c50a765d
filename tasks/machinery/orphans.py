"""Flow runs whose process is gone: Prefect believes that they are running, for ever."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import StateType
from prefect.exceptions import ObjectNotFound
from prefect.states import Crashed

MESSAGE = "its process was gone at the next start"


def close_flow_runs(flow_run_ids: Iterable[str]) -> None:
    """Set flow runs, and their task runs, that are still running to crashed."""
    for flow_run_id in flow_run_ids:
        with get_client(sync_client=True) as client:
            _close(client, UUID(flow_run_id))


def _close(client: SyncPrefectClient, flow_run_id: UUID) -> None:
    try:
        found = client.read_flow_run(flow_run_id)
    except ObjectNotFound:  # of another server
        return
    this_run = FlowRunFilter(id=FlowRunFilterId(any_=[flow_run_id]))
    for task_run in client.read_task_runs(flow_run_filter=this_run):
        if task_run.state_type == StateType.RUNNING:
            client.set_task_run_state(task_run.id, Crashed(message=MESSAGE), force=True)
    if found.state_type == StateType.RUNNING:
        client.set_flow_run_state(flow_run_id, Crashed(message=MESSAGE), force=True)
