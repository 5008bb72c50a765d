"""Sending a run's metrics and tags in the background, so that a training never waits for a server.

Metrics that MLflow cannot accept now stay in the queue, in order, and are sent when it is back. A
batch whose response was lost is sent again unchanged: MLflow identifies a metric by step, time and
value, and stores it once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

from mlflow.entities import Metric, RunTag

from tasks.machinery.host.owner import BEAT
from tasks.machinery.tracking.outage import is_outage, reason

_EVERY = 5.0  # seconds between two deliveries
_AT_ONCE = 1000  # MLflow accepts no more metrics in one call

Send = Callable[[list[Metric], list[RunTag]], None]


class Sender:
    """A queue of metrics and tags, and a thread that delivers it every few seconds.

    Args:
        send: delivers a batch, or raises.
        beat: called about every minute, to record that the owner of the run is alive.
        say: called with a message when an outage begins, and when it is over.
    """

    def __init__(self, send: Send, beat: Callable[[], None], say: Callable[[str], None]) -> None:
        self._send, self._beat, self._say = send, beat, say
        self._metrics: list[Metric] = []
        self._tags: dict[str, str] = {}
        self._line = threading.Lock()
        self._delivery = threading.Lock()
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None
        self.is_out = False  # MLflow is unreachable
        self._refused = False  # MLflow rejects the batch: `flush` raises that again

    def start(self) -> None:
        """Deliver from now on."""
        self._thread = threading.Thread(target=self._work, name="sender", daemon=True)
        self._thread.start()

    def add(self, metrics: Iterable[Metric] = (), tags: Iterable[RunTag] = ()) -> None:
        """Add to the queue."""
        with self._line:
            self._metrics += metrics
            self._tags |= {tag.key: tag.value for tag in tags}

    def flush(self) -> bool:
        """Deliver the queue; what is not delivered stays in it.

        Returns:
            Whether there was anything to deliver.

        Raises:
            Exception: MLflow is unreachable, or rejects it.
        """
        sent = False
        with self._delivery:
            while self._metrics or self._tags:
                with self._line:
                    metrics = self._metrics[:_AT_ONCE]
                    tags = dict(self._tags)
                self._send(metrics, [RunTag(name, value) for name, value in tags.items()])
                with self._line:
                    self._metrics = self._metrics[len(metrics) :]
                    kept = self._tags.items() - tags.items()
                    self._tags = dict(kept)
                sent = True
        return sent

    def stop(self) -> None:
        """End the thread; the rest of the queue can be flushed."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join(_EVERY)  # a server that hangs would take longer
            self._thread = None

    def _work(self) -> None:
        beaten = time.monotonic()
        while not self._ending.wait(_EVERY):
            was_out = self.is_out
            if not self._refused:
                self._try(self.flush)
            if was_out > self.is_out or time.monotonic() - beaten > BEAT:
                beaten = time.monotonic()
                self._try(self._beat)

    def _try(self, step: Callable[[], object]) -> None:
        """Deliver, or report once that it is not possible now."""
        try:
            if step() is False:
                return  # nothing was sent, so it is unknown whether MLflow is back
        except Exception as problem:  # a thread cannot raise to its caller: `flush` raises it again
            if not self.is_out and not self._refused:
                self._say(f"MLflow is unreachable; reports are sent later: {reason(problem)}")
            self.is_out = is_outage(problem)
            self._refused = self._refused or not self.is_out
        else:
            if self.is_out:
                self._say("MLflow is reachable again: waiting reports were delivered")
            self.is_out = False
