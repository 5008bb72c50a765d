"""An interruption (Ctrl-C, SIGTERM, a cancellation) waits for the end of the step in progress.

    with deferred() as interruption:
        for batch in batches:
            step(batch)
            if interruption.asked:
                save_checkpoint(…)
                interruption.hand_on()

While the block runs, a first signal only sets a flag. `hand_on` delivers it to the handler that was
there before, which raises what it always raises: KeyboardInterrupt in `temper run`, Prefect's
TerminationSignal under one of its workers. A second signal, from somebody who will not wait, is
delivered at once. Afterwards the handlers are those that were there before.

A worker kills what has not ended 30 seconds after its SIGTERM, so a step and a checkpoint should
take less; where they take more, the newest checkpoint counts.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)
# One Ctrl-C often reaches a process twice, from the terminal and from the process that started it.
SAME_REQUEST_SECONDS = 1.0


class Interruption:
    """Whether this process has been asked to stop, and by which signal."""

    def __init__(self) -> None:
        self.asked: int | None = None
        self._since = 0.0
        self._before: dict[int, Any] = {}
        # One object, whose identity Prefect can compare: each access would make another.
        self._handler = self._take

    def hand_on(self) -> None:
        """Deliver the signal that was held back, if any; mostly this raises."""
        if self.asked is None:
            return
        number, self.asked = self.asked, None
        self.restore()
        signal.raise_signal(number)
        self.install()  # that handler let it pass: the work goes on

    def install(self) -> None:
        """Hold signals back from now on; a signal that is ignored stays so."""
        for number in SIGNALS:
            before = signal.getsignal(number)
            if before is not None and before is not signal.SIG_IGN:
                self._before[number] = before
                signal.signal(number, self._handler)
        _stand_in_for_prefect(self._before.get(signal.SIGTERM), self._handler)

    def restore(self) -> None:
        """Give the signals back to the handlers that were there before."""
        for number, before in self._before.items():
            signal.signal(number, before)
        _stand_in_for_prefect(self._handler, self._before.get(signal.SIGTERM))
        self._before = {}

    def _take(self, number: int, _: FrameType | None) -> None:
        now = time.monotonic()
        if self.asked is None:
            self.asked, self._since = number, now
        elif now - self._since > SAME_REQUEST_SECONDS:
            self.hand_on()


@contextlib.contextmanager
def deferred() -> Iterator[Interruption]:
    """Hold back SIGINT and SIGTERM while the block runs; outside the main thread, do nothing.

    A signal that the block has not handed on is delivered behind it, unless it failed anyway.
    """
    interruption = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield interruption  # signals are handled in the main thread alone
        return
    interruption.install()
    try:
        yield interruption
    finally:
        interruption.restore()
    if interruption.asked is not None:
        signal.raise_signal(interruption.asked)


def explain_by(explain: Callable[[], str]) -> None:
    """Ask this function from now on why the process was asked to stop; it returns "" if unknown."""
    global _explain  # noqa: PLW0603  (a signal is the process's, and so is its reason)
    _explain = explain


def why_stopped() -> str:
    """Why this process was asked to stop; empty if unknown, or if nobody asked."""
    return _explain()


def _unknown() -> str:
    return ""


_explain: Callable[[], str] = _unknown


def request_stop() -> None:
    """Ask this process to stop as SIGTERM does, from any thread of it."""
    os.kill(os.getpid(), signal.SIGTERM)


def _stand_in_for_prefect(handler: Any, ours: Any) -> None:
    """Let Prefect take our handler for the one of its own that it replaces.

    A child of a worker acknowledges a cancellation only while the installed handler is Prefect's;
    without that, a run cancelled in the UI is reported as crashed.
    """
    engine: Any = sys.modules.get("prefect.utilities.engine")  # not loaded: no flow runs here
    if engine is not None and getattr(engine, "_prefect_sigterm_handler", None) is handler:
        engine._prefect_sigterm_handler = ours
