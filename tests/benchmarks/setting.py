"""What peer and Temper share: the model, the batch, the budget."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass, fields

LAYERS, WIDTH, HEADS, POSITIONS = 4, 256, 4, 512
LENGTH = 128
BATCH = 32
# The peer gets Temper's learning rate: with Trainer's 5e-5 it learns less.
LEARNING_RATE, WARMUP_SHARE = 1e-3, 0.06


@dataclass(frozen=True)
class Shape:
    """The size of a model, and of what it is trained on."""

    layers: int = LAYERS
    width: int = WIDTH
    heads: int = HEADS
    length: int = LENGTH

    @classmethod
    def ask(cls, parser: argparse.ArgumentParser) -> None:
        """Let a worker be asked for another one."""
        for field in fields(cls):
            parser.add_argument(f"--{field.name}", type=int, default=field.default)

    @classmethod
    def asked(cls, asked: argparse.Namespace) -> Shape:
        """The one that a worker was asked for."""
        return cls(**{field.name: getattr(asked, field.name) for field in fields(cls)})

    def words(self) -> list[str]:
        """It as arguments of a worker."""
        return [f"--{name}={value}" for name, value in asdict(self).items()]


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
    importing: float = 0.0
    telling: float = 0.0

    def tell(self) -> None:
        """Print what was measured, for the process that asked."""
        print(json.dumps({name: value for name, value in asdict(self).items() if value}))
