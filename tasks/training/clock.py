"""The time of a training: validation, checkpoints and measurements are not in it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Clock:
    """Hands the seconds of training on, as they pass.

    Args:
        spend: is given the seconds since the last reading.
    """

    def __init__(self, spend: Callable[[float], None]) -> None:
        self._spend = spend
        self._read = time.perf_counter()

    def start(self) -> float:
        """Count from now on; the reading."""
        self._read = time.perf_counter()
        return self._read

    def tick(self) -> float:
        """Count the time since the last reading as time of training; the reading."""
        now = time.perf_counter()
        self._spend(now - self._read)
        self._read = now
        return now

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Count up to now, and not while the block runs."""
        self.tick()
        yield
        self.start()
