"""Interrupting a flow run that no worker started: by Ctrl-C, a signal, or from the Prefect UI.

"Cancel" in the UI only sets a state: Prefect's workers and runners act on it, and a flow run that
`temper run` started has neither. So a thread polls the state every few seconds and, on
cancellation, sends SIGTERM to its own process, like Ctrl-C. A training then writes a checkpoint,
and the runs in MLflow are closed as KILLED. Prefect reports an interrupted flow run as crashed;
here it is reported as cancelled, with the checkpoint.

Workers and runners stop the flow runs that they started, and set their states.
"""

from __future__ import annotations

import contextlib
import contextvars
import os
import signal
import threading
from collections.abc import Iterator

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.context import FlowRunContext
from prefect.exceptions import TerminationSignal
from prefect.settings import PREFECT_API_URL
from prefect.states import Cancelled, Running

from tasks.machinery.host.interruption import explain_by, request_stop

CANCELLED = "cancelled in Prefect"
INTERRUPTIONS = (KeyboardInterrupt, TerminationSignal)
LOOK_EVERY = 3.0  # seconds


class Interrupted(GeneratorExit, KeyboardInterrupt):
    """A KeyboardInterrupt that Prefect's engine passes on.

    The engine swallows any other once the flow run has a final state; and for a TerminationSignal
    it sends SIGTERM to this process, which ends a notebook or a program that called the flow.
    """


@contextlib.contextmanager
def watching_for_cancellation() -> Iterator[None]:
    """Interrupt the block when its flow run is cancelled, and report an interruption as cancelled.

    Does nothing outside the main thread, which receives no signal; with a temporary server, which
    shows no UI, nobody polls. `why_stopped` returns the reason until the next such block begins, so
    that whatever was interrupted can record it.
    """
    explain_by(lambda: "")
    context = FlowRunContext.get()
    in_main_thread = threading.current_thread() is threading.main_thread()
    if context is None or context.flow_run is None or not in_main_thread:
        yield
        return
    watch = _Watch(context.flow_run)
    explain_by(lambda: CANCELLED if watch.was_cancelled() else "")
    watch.start()
    try:
        yield
        watch.stop()
    except Exception:
        watch.stop()
        watch.too_late()
        raise
    except INTERRUPTIONS as problem:
        watch.stop()
        if watch.managed:
            raise
        where = (getattr(problem, "__notes__", None) or ["interrupted; run it again to resume"])[-1]
        message = f"{CANCELLED}: {where}" if watch.was_cancelled() else where
        # Prefect's engine does not change a final state.
        context.flow_run.state = watch.set(Cancelled(message=message))
        if isinstance(problem, KeyboardInterrupt) or watch.was_cancelled():
            raise Interrupted from problem
        raise TerminationSignal(signal=signal.SIGTERM) from problem  # the engine sends it again
    except BaseException:
        watch.stop()
        raise
    watch.too_late()


class _Watch:
    """The polling thread and its findings."""

    def __init__(self, flow_run: FlowRun) -> None:
        self.flow_run_id = flow_run.id
        # Prefect's engine reads the same variable: it is set where another process cancels runs.
        self.has_page = bool(PREFECT_API_URL.value())  # where a person could cancel it
        by_others = os.environ.get("PREFECT__ENABLE_CANCELLATION_AND_CRASHED_HOOKS") == "false"
        self.managed = by_others or flow_run.deployment_id is not None
        self._seen, self._ended, self._lock = threading.Event(), threading.Event(), threading.Lock()

    def start(self) -> None:
        """Start polling, in a copy of the flow's context, whose settings a new thread lacks."""
        if self.has_page and not self.managed:
            context = contextvars.copy_context()
            threading.Thread(target=context.run, args=(self._look_on,), daemon=True).start()

    def stop(self) -> None:
        """Stop polling; afterwards no signal is sent."""
        with self._lock:
            self._ended.set()

    def was_cancelled(self) -> bool:
        """Whether the flow run is being cancelled; asks Prefect if no thread polls."""
        return self._seen.is_set() or (self.managed and self._look())

    def too_late(self) -> None:
        """Undo a cancellation that came after the end, so that Prefect's engine sets the state.

        A flow run in state "cancelling" can only become cancelled: it would stay "cancelling".
        """
        if not self.managed and (self._seen.is_set() or self._look()):
            self.set(Running(message="it ended before it could be cancelled"))

    def set(self, state: State) -> State:
        """Force the state of the flow run."""
        with contextlib.suppress(Exception), get_client(sync_client=True) as client:
            client.set_flow_run_state(self.flow_run_id, state, force=True)
        return state

    def _look_on(self) -> None:
        while not self._ended.wait(LOOK_EVERY):
            if self._look():
                with self._lock:
                    if not self._ended.is_set():
                        request_stop()
                return

    def _look(self) -> bool:
        """Whether it is being cancelled; an unreachable server changes nothing."""
        if not self.has_page:
            return False
        with contextlib.suppress(Exception), get_client(sync_client=True) as client:
            state = client.read_flow_run(self.flow_run_id).state_type
            if state in (StateType.CANCELLING, StateType.CANCELLED):
                self._seen.set()
        return self._seen.is_set()
