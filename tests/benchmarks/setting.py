"""What peer and Temper share: the model, the batch, the budget."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass, field, fields

from tasks.experiment.model import Model

LAYERS, WIDTH, HEADS, POSITIONS = 4, 256, 4, 512
LENGTH = 128
SECONDS_OF = "seconds of "
BATCH = 32
# The peer gets Temper's learning rate: with Trainer's 5e-5 it learns less.
LEARNING_RATE, WARMUP_SHARE = 1e-3, 0.06


@dataclass(frozen=True)
class Shape:
    """The architecture and the size of a model, and of what it is trained on."""

    family: str = "bert"
    layers: int = LAYERS
    width: int = WIDTH
    heads: int = HEADS
    length: int = LENGTH

    @classmethod
    def ask(cls, parser: argparse.ArgumentParser) -> None:
        """Let a worker be asked for another one."""
        for each in fields(cls):
            parser.add_argument(f"--{each.name}", type=type(each.default), default=each.default)

    @classmethod
    def asked(cls, asked: argparse.Namespace) -> Shape:
        """The one that a worker was asked for."""
        return cls(**{each.name: getattr(asked, each.name) for each in fields(cls)})

    @property
    def size(self) -> Model:
        """The family and its size, as an experiment states them."""
        return Model(
            family=self.family,
            layers=self.layers,
            hidden_size=self.width,
            heads=self.heads,
            max_positions=POSITIONS,
        )

    def words(self) -> list[str]:
        """It as arguments of a worker."""
        return [f"--{name}={value}" for name, value in asdict(self).items()]


@dataclass
class Figures:
    """What a process measured; printed as its last line. `parts`: of the seconds, by name."""

    seconds: float = 0.0
    tokens_per_second: float = 0.0
    samples_per_second: float = 0.0
    megabytes_per_second: float = 0.0
    megabytes_peak: float = 0.0
    validation_loss: float = 0.0
    gigaflops_per_second: float = 0.0
    ceiling: float = 0.0  # GFLOP/s of large products
    importing: float = 0.0
    telling: float = 0.0
    parts: dict[str, float] = field(default_factory=dict)

    def tell(self) -> None:
        """Print what was measured, for the process that asked."""
        found = asdict(self)
        found |= {f"{SECONDS_OF}{name}": seconds for name, seconds in found.pop("parts").items()}
        print(json.dumps({name: value for name, value in found.items() if value}))
