"""Cancelling in the Prefect UI a flow run that no worker started.

"Cancel" in the UI only writes that it is wanted: Prefect's workers and runners act on it, and a
flow run that `temper run` started has neither. So a thread looks at its state every few seconds
and, once it is to be cancelled, sends its own process SIGTERM: what Ctrl-C does. A training then
writes a checkpoint, and the runs in MLflow are closed as KILLED. Prefect takes a flow run that was
terminated for crashed; here it is told that it was cancelled.

What a worker or a runner started, it ends by itself: there the thread keeps out of the way.
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
LOOK_EVERY = 3.0  # seconds


@contextlib.contextmanager
def watching_for_cancellation() -> Iterator[None]:
    """Interrupt the block when its flow run is cancelled in Prefect, and end it as that.

    Does nothing with a temporary server, which shows no UI, and outside the main thread, which
    receives no signal. `why_stopped` returns the reason until the next such block begins, so that
    whatever was interrupted can record it.
    """
    explain_by(lambda: "")
    context = FlowRunContext.get()
    in_main_thread = threading.current_thread() is threading.main_thread()
    if not PREFECT_API_URL.value() or context is None or not in_main_thread:
        yield
        return
    if context.flow_run is None:
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
    except BaseException as problem:
        watch.stop()
        if watch.managed or not watch.was_cancelled():
            raise
        # Prefect's engine leaves alone what it finds at its end, and passes the signal on.
        context.flow_run.state = watch.set(Cancelled(message="cancelled; its process has stopped"))
        raise TerminationSignal(signal=signal.SIGTERM) from problem
    watch.too_late()


class _Watch:
    """The thread that looks, and what it saw."""

    def __init__(self, flow_run: FlowRun) -> None:
        self.flow_run_id = flow_run.id
        # By the variable Prefect's engine knows too that another process cancels this one.
        by_others = os.environ.get("PREFECT__ENABLE_CANCELLATION_AND_CRASHED_HOOKS") == "false"
        self.managed = by_others or flow_run.deployment_id is not None
        self._seen, self._ended, self._lock = threading.Event(), threading.Event(), threading.Lock()

    def start(self) -> None:
        """Begin to look; with the settings of the flow, which a thread would not have."""
        if not self.managed:
            context = contextvars.copy_context()
            threading.Thread(target=context.run, args=(self._look_on,), daemon=True).start()

    def stop(self) -> None:
        """Look no more; afterwards no signal is sent."""
        with self._lock:
            self._ended.set()

    def was_cancelled(self) -> bool:
        """Whether the flow run is being cancelled; asks Prefect where nobody looks."""
        return self._seen.is_set() or (self.managed and self._look())

    def too_late(self) -> None:
        """It ended by itself before it could be cancelled: let Prefect's engine say how.

        A flow run that is being cancelled can only become cancelled: it would stay "cancelling".
        """
        if not self.managed and (self._seen.is_set() or self._look()):
            self.set(Running(message="it had ended before it could be cancelled"))

    def set(self, state: State) -> State:
        """Set the state of the flow run, whatever it is."""
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
        """Whether it is being cancelled; a server that cannot be reached says nothing."""
        with contextlib.suppress(Exception), get_client(sync_client=True) as client:
            state = client.read_flow_run(self.flow_run_id).state_type
            if state in (StateType.CANCELLING, StateType.CANCELLED):
                self._seen.set()
        return self._seen.is_set()
