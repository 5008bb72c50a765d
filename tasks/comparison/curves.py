"""Learning curves of past trainings, by step and by time."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

Point = tuple[int, float, Mapping[str, float]]  # step, seconds since the epoch, metrics

SHORTEST_PAUSE = 30.0  # seconds; a shorter gap is a validation or a slow disk
_TIMES_USUAL = 20  # a gap this many times the median is a pause


@dataclass(frozen=True)
class Curve:
    """A metric over a training.

    Attributes:
        steps: optimizer steps, ascending.
        seconds: since the start of the training, without pauses.
        values: the metric.
    """

    steps: list[int]
    seconds: list[float]
    values: list[float]

    @property
    def last(self) -> float:
        """The last value."""
        return self.values[-1]


def curves_of(points: Iterable[Point]) -> dict[str, Curve]:
    """The curve of each metric."""
    ordered = sorted(points, key=lambda point: (point[0], point[1]))
    seconds = seconds_since_start([(step, at) for step, at, _ in ordered])
    curves: dict[str, Curve] = {}
    for (step, _, metrics), since in zip(ordered, seconds, strict=True):
        for name, value in metrics.items():
            curve = curves.setdefault(name, Curve([], [], []))
            if curve.steps[-1:] != [step]:
                curve.steps.append(step)
                curve.seconds.append(since)
                curve.values.append(float(value))
    return curves


def seconds_since_start(points: list[tuple[int, float]]) -> list[float]:
    """Seconds of training at each point (step, clock).

    The time of step 0 was not recorded: it is extrapolated at the median pace. A pause, where the
    run was killed and resumed later, counts as a median gap.
    """
    if not points:
        return []
    gaps = [max(0.0, b[1] - a[1]) for a, b in pairwise(points)]
    steps = [b[0] - a[0] for a, b in pairwise(points)]
    paces = [gap / step for gap, step in zip(gaps, steps, strict=True) if step]
    usual = statistics.median(gaps) if gaps else 0.0
    longest = max(SHORTEST_PAUSE, _TIMES_USUAL * usual)
    now = points[0][0] * (statistics.median(paces) if paces else 0.0)
    seconds = [now]
    for gap in gaps:
        now += gap if gap <= longest else usual
        seconds.append(now)
    return seconds
