"""The loss of a training in a line of a terminal: the last value, its trend, a spark line."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

BARS = "▁▂▃▄▅▆▇█"
WIDTH = 24  # characters of the spark line
_STEADY = 0.002  # relative change that is no trend
_SPEED = "_per_second"


@dataclass
class LossLine:
    """What a training logged of its loss so far.

    Attributes:
        losses: of training, in the order of steps.
        speed: `12,300 tokens/s`; empty while unknown.
    """

    losses: list[float] = field(default_factory=list)
    speed: str = ""

    def add(self, metrics: Mapping[str, float]) -> None:
        """Add what was logged at a step; of other stages than trainings, nothing counts."""
        if "loss" in metrics and math.isfinite(metrics["loss"]):
            self.losses.append(metrics["loss"])
        for unit in ("tokens", "samples"):
            if f"{unit}{_SPEED}" in metrics:
                self.speed = f"{metrics[f'{unit}{_SPEED}']:,.0f} {unit}/s"

    def latest(self) -> str:
        """`loss 3.412 ↘ 12,300 tokens/s`; empty before the first loss."""
        if not self.losses:
            return ""
        return " ".join(filter(None, [f"loss {self.losses[-1]:.3f}", self.trend(), self.speed]))

    def trend(self) -> str:
        """Whether the loss falls, stays or rises: the last eighth against the eighth before it."""
        few = max(1, len(self.losses) // 8)
        if len(self.losses) < 2 * few:
            return ""
        now = statistics.fmean(self.losses[-few:])
        before = statistics.fmean(self.losses[-2 * few : -few])
        if abs(now - before) <= _STEADY * abs(before):
            return "→"
        return "↘" if now < before else "↗"

    def whole(self) -> str:
        """`loss 9.021 █▆▄▃▂▂▁▁ 3.412`, from the first to the last; empty with fewer than two."""
        if len(self.losses) < 2:
            return ""
        return f"loss {self.losses[0]:.3f} {sparkline(self.losses)} {self.losses[-1]:.3f}"


def sparkline(values: list[float], width: int = WIDTH) -> str:
    """A bar for each of `width` parts of the values, as high as their mean; all if fewer."""
    parts = min(width, len(values))
    bounds = [round(i * len(values) / parts) for i in range(parts + 1)]
    means = [statistics.fmean(values[begin:end]) for begin, end in pairwise(bounds)]
    low, high = min(means), max(means)
    if high == low:
        return BARS[0] * parts
    return "".join(BARS[round((mean - low) / (high - low) * (len(BARS) - 1))] for mean in means)
