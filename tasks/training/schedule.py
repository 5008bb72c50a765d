"""The learning rate over a training that ends after so many steps or minutes, what comes first.

The schedule follows max(share of the steps, share of the time), so that it ends at its end value
wherever the training ends: the budgeted schedule of Izsak et al. (2021, section 3.2).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Schedule = Literal["linear", "cosine", "constant"]


@dataclass(frozen=True)
class Budget:
    """What a training may use.

    Attributes:
        steps: optimizer steps.
        seconds: of training time, validation and checkpoints not counted; 0: no bound.
    """

    steps: int
    seconds: float = 0.0

    def used(self, steps: int, seconds: float) -> float:
        """The share that is used up, in [0, 1]."""
        share = steps / self.steps
        return min(1.0, max(share, seconds / self.seconds) if self.seconds else share)

    def expected_steps(self, steps: int, seconds: float) -> int:
        """Steps at the end, if they go on as they went."""
        used = self.used(steps, seconds)
        return min(self.steps, max(steps, round(steps / used))) if used else self.steps


def factor(schedule: Schedule, warmup_share: float, used: float) -> float:
    """The learning rate as a share of its peak, when so much of the training is used up."""
    if used < warmup_share:
        return used / warmup_share
    decay = (used - warmup_share) / (1 - warmup_share) if warmup_share < 1 else 0.0
    if schedule == "linear":
        return max(0.0, 1 - decay)
    return 0.5 * (1 + math.cos(math.pi * decay)) if schedule == "cosine" else 1.0
