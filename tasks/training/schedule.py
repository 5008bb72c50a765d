"""The learning rate over a training with a limit of steps and of minutes.

The schedule follows max(share of the steps, share of the time), so that it reaches its end value
when the training ends: the budgeted schedule of Izsak et al. (2021, section 3.2).

The flat schedule is that of Hu et al. (2024, "MiniCPM", section 4): warm-up, a stable part, and a
short decay. Hägele et al. (2024, "Scaling laws and compute-optimal training beyond fixed training
durations", section 3) find that a linear decay in the last fifth is as good as a cosine.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Schedule = Literal["linear", "cosine", "constant", "flat"]
DECAY = 0.2  # the share of a training in which a flat learning rate falls


@dataclass(frozen=True)
class Budget:
    """The limits of a training.

    Attributes:
        steps: optimizer steps.
        seconds: of training time, without validation and checkpoints; 0 for no limit.
    """

    steps: int
    seconds: float = 0.0

    def used(self, steps: int, seconds: float) -> float:
        """The used share of the budget, in [0, 1]."""
        share = steps / self.steps
        return min(1.0, max(share, seconds / self.seconds) if self.seconds else share)

    def expected_steps(self, steps: int, seconds: float) -> int:
        """The expected number of steps at the end, at the current speed."""
        used = self.used(steps, seconds)
        return min(self.steps, max(steps, round(steps / used))) if used else self.steps


def factor(schedule: Schedule, warmup_share: float, used: float) -> float:
    """The learning rate as a share of its peak, for a used share of the budget."""
    if used < warmup_share:
        return used / warmup_share
    begin = max(warmup_share, 1 - DECAY) if schedule == "flat" else warmup_share
    decay = max(0.0, used - begin) / (1 - begin) if begin < 1 else 0.0
    if schedule in ("linear", "flat"):
        return max(0.0, 1 - decay)
    return 0.5 * (1 + math.cos(math.pi * decay)) if schedule == "cosine" else 1.0
