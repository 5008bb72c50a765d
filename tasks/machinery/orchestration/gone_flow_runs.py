"""Flow runs whose process has died: Prefect would show them as running forever.

A flow run records its process in a file, and touches the file every minute:

    TEMPER_HOME/prefect/flows/<flow run id>.json

The next start asks Prefect about each flow run whose process has died, and closes it if it is
unfinished: as crashed, or as cancelled if it was being cancelled, with its task runs and subflows.
The file remains when a flow ends, since the end is reported to Prefect only afterwards and a kill
may come in between; the next start deletes it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterParentFlowRunId,
    FlowRunFilterState,
    FlowRunFilterStateType,
    TaskRunFilter,
    TaskRunFilterState,
    TaskRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.context import FlowRunContext
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_URL
from prefect.states import Cancelled, Crashed
from pydantic import TypeAdapter

from tasks.machinery.host.files import write_atomically
from tasks.machinery.host.home import home
from tasks.machinery.host.owner import BEAT, FORGOTTEN, is_alive, this_process
from tasks.machinery.host.small_files import read_small
from tasks.machinery.naming.secrets import (
    redact_logs,
    redacted,
    redacting,
    without_credentials,
)
from tasks.machinery.orchestration.heartbeat_automation import FLOWS
from tasks.machinery.tracking.tracking import Tracking

LOGGER = logging.getLogger(__name__)

_FACTS = TypeAdapter(dict[str, str])
_LOST = "If its process was killed, its flow run may still show as running in Prefect"
MESSAGE = "its process had died before the next start"
UNFINISHED = [StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]
STARTING = 600.0  # seconds within which a flow run that is not registered may just be starting


@contextlib.contextmanager
def registered_flow_run() -> Iterator[None]:
    """Record the process of this flow run, so that the next start can close it after a kill.

    What is raised in the block, and what this process logs from now on, has no credentials.
    """
    redact_logs()
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        with redacting():
            yield
        return
    file = _folder() / f"{context.flow_run.id}.json"
    ended = threading.Event()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, {"owner": this_process(), "server": _server()})
    except OSError as problem:
        LOGGER.warning("%s cannot be written (%s)", file, problem.strerror)
    else:
        threading.Thread(target=_beat, args=(file, ended), daemon=True).start()
    try:
        with redacting():
            yield
    finally:
        ended.set()


def _beat(file: Path, ended: threading.Event) -> None:
    """Touch the file as a heartbeat for other hosts, which cannot see the process."""
    while not ended.wait(BEAT):
        with contextlib.suppress(OSError):
            os.utime(file)


def close_flow_runs(flow_run_ids: Iterable[str] = ()) -> None:
    """Close the flow runs, their task runs and their subflows, whose process has died.

    Never raises: an unreachable server causes a warning, and is asked at the next start.

    Args:
        flow_run_ids: more flow runs whose process is known to have died.
    """
    try:
        with get_client(sync_client=True) as client:
            for file in sorted(_folder().glob("*.json")):
                _close_registered(client, file)
            for flow_run_id in flow_run_ids:
                with contextlib.suppress(ObjectNotFound):  # of another server
                    _close(client, client.read_flow_run(UUID(flow_run_id)))
            _close_unregistered(client)
    except Exception as problem:  # a failing server must not prevent a start
        LOGGER.warning("killed flow runs may still show as running: %s", _line(problem))


def close_what_is_gone(tracking: Tracking) -> None:
    """Close the runs of dead processes in MLflow and in Prefect: at a start, or periodically.

    Never raises, so that a serving process can call it repeatedly.
    """
    flow_run_ids: list[str] = []
    try:
        flow_run_ids = tracking.close_dead_runs()
    except Exception as problem:
        LOGGER.warning("killed runs may still show as running in MLflow: %s", _line(problem))
    close_flow_runs(flow_run_ids)


def _close_registered(client: SyncPrefectClient, file: Path) -> None:
    """Close the flow run of a file if its process has died; delete the file once all is closed."""

    def check(values: object) -> tuple[UUID, str, str]:
        facts = _FACTS.validate_python(values)
        return UUID(file.stem), facts["owner"], facts["server"]

    try:
        found, seen = read_small(file, check, _LOST), file.stat().st_mtime
    except OSError:  # deleted by another start, or unreadable now
        return
    if found is None:
        return
    flow_run_id, owner, server = found
    gone = not is_alive(owner, seen)
    try:
        flow_run = client.read_flow_run(flow_run_id)
    except ObjectNotFound:  # deleted, or on another server, which is asked when it is used
        here = server == _server()
        if here or time.time() - seen > FORGOTTEN:
            file.unlink(missing_ok=True)
        return
    if gone and flow_run.state_type != StateType.COMPLETED:
        _close(client, flow_run)
    if gone or flow_run.state_type not in UNFINISHED:
        file.unlink(missing_ok=True)


def _close_unregistered(client: SyncPrefectClient) -> None:
    """Close flow runs that were killed before they could register, in our own database."""
    if PREFECT_API_URL.value():  # a shared server: others register in folders of their own
        return
    found = client.read_flow_runs(
        flow_filter=FlowFilter(name=FlowFilterName(any_=list(FLOWS))),
        flow_run_filter=FlowRunFilter(
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=UNFINISHED))
        ),
    )
    for flow_run in found:
        begun = flow_run.created.timestamp() if flow_run.created else 0.0
        registered = (_folder() / f"{flow_run.id}.json").is_file()
        if not registered and time.time() - begun > STARTING:
            _close(client, flow_run)


def _close(client: SyncPrefectClient, flow_run: FlowRun) -> None:
    """Close a flow run with its subflows and task runs, innermost first, except finished ones."""
    this_run = FlowRunFilterId(any_=[flow_run.id])
    parent = FlowRunFilterParentFlowRunId(any_=[flow_run.id])
    for subflow in client.read_flow_runs(flow_run_filter=FlowRunFilter(parent_flow_run_id=parent)):
        _close(client, subflow)
    unfinished = TaskRunFilter(
        state=TaskRunFilterState(type=TaskRunFilterStateType(any_=UNFINISHED))
    )
    for task_run in client.read_task_runs(
        flow_run_filter=FlowRunFilter(id=this_run), task_run_filter=unfinished
    ):
        client.set_task_run_state(task_run.id, Crashed(message=MESSAGE), force=True)
    if flow_run.state_type == StateType.CANCELLING:
        client.set_flow_run_state(flow_run.id, Cancelled(message=MESSAGE), force=True)
    elif flow_run.state_type in UNFINISHED:
        client.set_flow_run_state(flow_run.id, Crashed(message=MESSAGE), force=True)


def _line(problem: Exception) -> str:
    return f"{type(problem).__name__}: {redacted(str(problem)).partition(chr(10))[0][:200]}"


def _server() -> str:
    """The address of the Prefect server in use; empty for a temporary one."""
    return without_credentials(PREFECT_API_URL.value() or "")


def _folder() -> Path:
    return home() / "prefect" / "flows"
