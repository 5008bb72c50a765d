"""When steps end, and how fast they follow one another."""

from __future__ import annotations

import time

import torch

LEFT_OUT = 3  # steps before throughput is measured: kernels are chosen or compiled in them


def moment(done: int, total: int) -> float:
    """The time at the end of a step.

    The two that throughput reads wait for what a GPU still has to do: it works behind.
    """
    if torch.cuda.is_available() and done in (LEFT_OUT + 1, total):
        torch.cuda.synchronize()
    return time.perf_counter()


class Laps:
    """The seconds of parts that follow one another.

    Attributes:
        parts: by name.
    """

    def __init__(self) -> None:
        self.parts: dict[str, float] = {}
        self._begun = time.perf_counter()

    def end(self, part: str) -> None:
        """The part that began with the end of the one before ends."""
        now = time.perf_counter()
        self.parts[part], self._begun = now - self._begun, now

    @property
    def seconds(self) -> float:
        """Of all parts."""
        return sum(self.parts.values())


def throughput(times: list[float], size: float) -> float:
    """Units a second of steps that ended at these times, the first of them left out."""
    return size * (len(times) - 1 - LEFT_OUT) / (times[-1] - times[LEFT_OUT])
