"""The measurements between two points of a training curve; checkpoints contain them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from tasks.training.clock import Clock


@dataclass
class Meter:
    """Sums of what is logged, over the steps since the last point; `seen` over all steps.

    `flops`: multiplications and additions of the matrix products, including padding.
    `elapsed`: seconds of training in all, without validation and checkpoints.
    `rows`: rows at once (0: whole batches), which a resumed training keeps.
    `owed`: the validation after the last step was interrupted and must be repeated.
    `used`: the used share of the training when the last step ended.
    `clock`: counts `seconds` and `elapsed`; it is not a field, and not in checkpoints.
    """

    sums: dict[str, float] = field(default_factory=dict)
    steps: int = 0
    filled: int = 0
    slots: int = 0
    flops: float = 0.0
    seconds: float = 0.0
    seen: int = 0
    elapsed: float = 0.0
    rows: int = 0
    owed: bool = False
    used: float = 0.0

    def __post_init__(self) -> None:
        self.clock = Clock(self.spend)

    def count(self, filled: int, slots: int, flops: float = 0.0) -> None:
        """Count the places of a batch: the filled ones, and all including padding."""
        self.slots += slots
        self.filled += filled
        self.seen += filled
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

    def drain(self, unit: str, ceiling: float = 0.0) -> dict[str, float]:
        """The means since the last call.

        Args:
            unit: what a place is, such as `tokens`.
            ceiling: FLOP/s that the machine can do, 0: unknown.
        """
        means = {name: total / self.steps for name, total in self.sums.items()}
        if self.slots and self.seconds:
            means[f"{unit}_per_second"] = self.filled / self.seconds
            means["padding_share"] = 1 - self.filled / self.slots
        if self.flops and self.seconds:
            means["flops_per_second"] = self.flops / self.seconds
            if ceiling:
                means["ceiling_share"] = means["flops_per_second"] / ceiling
        self.sums, self.steps, self.filled, self.slots = {}, 0, 0, 0
        self.flops, self.seconds = 0.0, 0.0
        return means


class NotFiniteError(Exception):
    """The loss of a step is not finite."""

    def __init__(self, step: int, value: float) -> None:
        super().__init__(f"{value}")
        self.step, self.value = step, value


class Losses:
    """The losses of steps that were not read yet; for a step, the sums over its parts."""

    def __init__(self) -> None:
        self._steps: list[tuple[int, dict[str, Tensor]]] = []

    def add(self, step: int, losses: Mapping[str, Tensor]) -> None:
        """Add the losses of a part of a step."""
        if not self._steps or self._steps[-1][0] != step:
            self._steps.append((step, {}))
        sums = self._steps[-1][1]
        for name, loss in losses.items():
            sums[name] = sums[name] + loss.detach() if name in sums else loss.detach()

    def forget(self, step: int) -> None:
        """Drop the losses of a step that is recomputed."""
        self._steps = [(each, sums) for each, sums in self._steps if each != step]

    def take(self) -> list[dict[str, float]]:
        """The losses of each step since the last time, as numbers, in one transfer.

        Raises:
            NotFiniteError: with the first step whose loss is not finite.
        """
        steps, self._steps = self._steps, []
        tensors = [loss for _, sums in steps for loss in sums.values()]
        if not tensors:
            return []
        numbers = iter(torch.stack([tensor.double() for tensor in tensors]).tolist())
        found = []
        for step, sums in steps:
            values = {name: next(numbers) for name in sums}
            if not math.isfinite(values["loss"]):
                raise NotFiniteError(step, values["loss"])
            found.append(values)
        return found
