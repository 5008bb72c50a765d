"""What is measured between two points of a training curve; a checkpoint carries it on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor


@dataclass
class Meter:
    """Sums of what is logged, over the steps since the last point; `seen` over all steps.

    `flops`: multiplications and additions of the matrix products, without padding taken off.
    `elapsed`: seconds of training in all, validation and checkpoints not counted.
    `rows`: rows at once (0: whole batches), which a training that goes on keeps.
    `owed`: the validation after the last step was interrupted and is still to be made.
    `used`: the share of the training that was used up when the last step ended.
    """

    sums: dict[str, float] = field(default_factory=dict)
    steps: int = 0
    tokens: int = 0
    slots: int = 0
    flops: float = 0.0
    seconds: float = 0.0
    seen: int = 0
    elapsed: float = 0.0
    rows: int = 0
    owed: bool = False
    used: float = 0.0

    def count(self, batch: Mapping[str, Tensor], flops: float = 0.0) -> None:
        """Count the tokens of a batch, and the slots that they and the padding fill."""
        slots = batch["input_ids"].numel()
        tokens = int(batch["attention_mask"].sum()) if "attention_mask" in batch else slots
        self.slots += slots
        self.tokens += tokens
        self.seen += tokens
        self.flops += flops

    def add(self, values: Mapping[str, float]) -> None:
        """Add the losses of one step."""
        self.steps += 1
        for name, value in values.items():
            self.sums[name] = self.sums.get(name, 0.0) + value

    def spend(self, seconds: float) -> None:
        """Count time of training."""
        self.seconds += seconds
        self.elapsed += seconds

    def drain(self, ceiling: float = 0.0) -> dict[str, float]:
        """The means since the last call; `ceiling`: FLOP/s that the machine can do, 0: unknown."""
        means = {name: total / self.steps for name, total in self.sums.items()}
        if self.slots and self.seconds:
            means["tokens_per_second"] = self.tokens / self.seconds
            means["padding_share"] = 1 - self.tokens / self.slots
        if self.flops and self.seconds:
            means["flops_per_second"] = self.flops / self.seconds
            if ceiling:
                means["ceiling_share"] = means["flops_per_second"] / ceiling
        self.sums, self.steps, self.tokens, self.slots = {}, 0, 0, 0
        self.flops, self.seconds = 0.0, 0.0
        return means
