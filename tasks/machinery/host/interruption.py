"""Interruptions (Ctrl-C, SIGTERM, a cancellation) are deferred to the end of the current step.

    with deferred() as interruption:
        for batch in batches:
            step(batch)
            if interruption.asked:
                save_checkpoint(…)
                interruption.hand_on()

While the block runs, the first signal only sets a flag. `hand_on` delivers it to the previous
handler, which raises its usual exception: KeyboardInterrupt in `temper run`, Prefect's
TerminationSignal under one of its workers. A second signal is delivered at once. After the block,
the previous handlers are restored.

A worker kills a process 30 seconds after its SIGTERM, so a step and a checkpoint should take less;
if they take more, training resumes from the last complete checkpoint.
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
# One Ctrl-C often arrives twice: from the terminal and from the process that started this one.
SAME_REQUEST_SECONDS = 1.0


class Interruption:
    """Whether this process has been asked to stop, and by which signal."""

    def __init__(self) -> None:
        self.asked: int | None = None
        self._since = 0.0
        self._before: dict[int, Any] = {}
        # A bound method is a new object at each access, and Prefect compares handlers by identity.
        self._handler = self._take

    def hand_on(self) -> None:
        """Re-deliver the deferred signal, if any. Usually raises."""
        if self.asked is None:
            return
        number, self.asked = self.asked, None
        self.restore()
        signal.raise_signal(number)
        self.install()  # the handler did not raise: the work continues

    def install(self) -> None:
        """Defer signals from now on; an ignored signal stays ignored."""
        for number in SIGNALS:
            before = signal.getsignal(number)
            if before is not None and before is not signal.SIG_IGN:
                self._before[number] = before
                signal.signal(number, self._handler)
        _stand_in_for_prefect(self._before.get(signal.SIGTERM), self._handler)

    def restore(self) -> None:
        """Restore the previous signal handlers."""
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
    """Defer SIGINT and SIGTERM while the block runs; outside the main thread, do nothing.

    A signal that the block has not handed on is delivered after it, unless the block raised.
    """
    interruption = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield interruption  # signals are handled in the main thread only
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
    """Send SIGTERM to this process; works from any of its threads."""
    os.kill(os.getpid(), signal.SIGTERM)


def _stand_in_for_prefect(handler: Any, ours: Any) -> None:
    """Make Prefect treat our handler as its own, which it replaces.

    A child of a worker acknowledges a cancellation only while the installed handler is Prefect's;
    otherwise a run cancelled in the UI is reported as crashed.
    """
    engine: Any = sys.modules.get("prefect.utilities.engine")  # None where no flow runs
    if engine is not None and getattr(engine, "_prefect_sigterm_handler", None) is handler:
        engine._prefect_sigterm_handler = ours
