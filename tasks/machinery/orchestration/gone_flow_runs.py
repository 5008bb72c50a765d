"""Flow runs whose process is gone: Prefect believes that they are running, for ever.

A flow run says in a file which process runs it, and every minute that it still does:

    TEMPER_HOME/prefect/flows/<flow run id>.json

The next start asks Prefect about each of which the process is gone, and closes it where it is not
at its end: as crashed, or as cancelled if that was on its way, with its task runs and subflows. The
file stays when a flow ends, since Prefect is told so only afterwards, and a kill may come between:
the next start removes it.
"""

from __future__ import annotations

import contextlib
import json
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

from tasks.machinery.host.files import write_atomically
from tasks.machinery.host.home import home
from tasks.machinery.host.owner import BEAT, FORGOTTEN, is_alive, this_process
from tasks.machinery.orchestration.heartbeat_automation import FLOWS
from tasks.machinery.tracking.tracking import Tracking

LOGGER = logging.getLogger(__name__)

MESSAGE = "its process was gone at the next start"
UNFINISHED = [StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]
STARTING = 600.0  # seconds within which a flow run that is not registered may just be starting


@contextlib.contextmanager
def registered_flow_run() -> Iterator[None]:
    """Say which process runs this flow run, for the next start, should the process be killed."""
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        yield
        return
    file = _folder() / f"{context.flow_run.id}.json"
    ended = threading.Event()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, {"owner": this_process(), "server": PREFECT_API_URL.value() or ""})
    except OSError as problem:
        LOGGER.warning("%s cannot be written (%s)", file, problem.strerror)
    else:
        threading.Thread(target=_beat, args=(file, ended), daemon=True).start()
    try:
        yield
    finally:
        ended.set()


def _beat(file: Path, ended: threading.Event) -> None:
    """Show that the process lives, to hosts that cannot look for it."""
    while not ended.wait(BEAT):
        with contextlib.suppress(OSError):
            os.utime(file)


def close_flow_runs(flow_run_ids: Iterable[str] = ()) -> None:
    """Close the flow runs, their task runs and their subflows, whose process is gone.

    Never fails: a server that cannot be asked is told of in a warning, and asked at the next start.

    Args:
        flow_run_ids: more flow runs of which the process is known to be gone.
    """
    try:
        with get_client(sync_client=True) as client:
            for file in sorted(_folder().glob("*.json")):
                _close_registered(client, file)
            for flow_run_id in flow_run_ids:
                with contextlib.suppress(ObjectNotFound):  # of another server
                    _close(client, client.read_flow_run(UUID(flow_run_id)))
            _close_unregistered(client)
    except Exception as problem:  # whatever the server has: it is no reason not to start
        LOGGER.warning("flow runs that were killed may show as running: %s", _line(problem))


def close_what_is_gone(tracking: Tracking) -> None:
    """Close in MLflow and in Prefect what nobody runs any more: at a start, or now and then.

    Never fails, so that a process that serves can call it for as long as it lives.
    """
    flow_run_ids: list[str] = []
    try:
        flow_run_ids = tracking.close_orphans()
    except Exception as problem:
        LOGGER.warning("runs that were killed may show as running in MLflow: %s", _line(problem))
    close_flow_runs(flow_run_ids)


def _close_registered(client: SyncPrefectClient, file: Path) -> None:
    """Close the flow run of a file if its process is gone; the file goes once all is closed."""
    try:
        facts, seen = json.loads(file.read_text()), file.stat().st_mtime
        flow_run_id, gone = UUID(file.stem), not is_alive(facts["owner"], seen)
    except OSError:  # removed by another start, or not to be read now
        return
    except (ValueError, KeyError):  # half of a file
        file.unlink(missing_ok=True)
        return
    try:
        flow_run = client.read_flow_run(flow_run_id)
    except ObjectNotFound:  # deleted, or of another server: that one is asked when it is used
        here = facts["server"] == (PREFECT_API_URL.value() or "")
        if here or time.time() - seen > FORGOTTEN:
            file.unlink(missing_ok=True)
        return
    if gone and flow_run.state_type != StateType.COMPLETED:
        _close(client, flow_run)
    if gone or flow_run.state_type not in UNFINISHED:
        file.unlink(missing_ok=True)


def _close_unregistered(client: SyncPrefectClient) -> None:
    """Close what was killed before it could register, in the database that is ours alone."""
    if PREFECT_API_URL.value():  # others use that server too, and register where we cannot look
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
    """Close a flow run and all in it, from the inside; what is at its end stays as it is."""
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
    return f"{type(problem).__name__}: {str(problem).partition(chr(10))[0][:200]}"


def _folder() -> Path:
    return home() / "prefect" / "flows"
