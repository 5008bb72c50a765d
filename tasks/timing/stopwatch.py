"""How long something takes here: the median, without the first times."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise
from statistics import median

from tasks.contract import Silent
from tasks.training.computation import Computation

WARM_UP, MEASURED = 3, 5  # steps


class Stopwatch(Silent):
    """A monitor that notes when each step ended."""

    def __init__(self) -> None:
        super().__init__()
        self.ends: list[float] = []

    def progress(self, done: int, total: int, unit: str) -> None:
        """Note the time."""
        super().progress(done, total, unit)
        self.ends.append(time.perf_counter())

    def seconds(self) -> float:
        """Of a step: the median without the warm-up."""
        return median(after - before for before, after in pairwise(self.ends[WARM_UP - 1 :]))


def seconds_of(work: Callable[[], object]) -> float:
    """The median of three times that something takes, after one that does not count."""
    found = []
    for _ in range(4):
        begun = time.perf_counter()
        work()
        found.append(time.perf_counter() - begun)
    return median(found[1:])


def parts_of(how: Computation, rows: int) -> int:
    """The parts that a batch is computed in."""
    return 1 if how.splitting is None else -(-rows // how.splitting.rows)
