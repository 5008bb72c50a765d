"""What peer and Temper share: the model, the batch, the budget."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

LAYERS, WIDTH, HEADS, POSITIONS = 4, 256, 4, 512
LENGTH = 128
BATCH = 32
LEARNING_RATE, WARMUP_SHARE = (
    1e-3,
    0.06,
)  # the peer gets Temper's: with Trainer's 5e-5 it learns less
LEFT_OUT = 3  # steps before throughput is measured


@dataclass
class Figures:
    """What a process measured; printed as its last line."""

    seconds: float = 0.0
    tokens_per_second: float = 0.0
    samples_per_second: float = 0.0
    megabytes_per_second: float = 0.0
    megabytes_peak: float = 0.0
    validation_loss: float = 0.0
    ceiling_share: float = 0.0

    def tell(self) -> None:
        """Print what was measured, for the process that asked."""
        print(json.dumps({name: value for name, value in asdict(self).items() if value}))


def throughput(times: list[float], size: float) -> float:
    """Units a second of steps that ended at these times, the first of them left out."""
    return size * (len(times) - 1 - LEFT_OUT) / (times[-1] - times[LEFT_OUT])
