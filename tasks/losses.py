"""The losses of steps, looked at together: each look at a number on a GPU makes the GPU wait."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor


class NotFiniteError(Exception):
    """The loss of a step is no finite number."""

    def __init__(self, step: int, value: float) -> None:
        super().__init__(f"{value}")
        self.step, self.value = step, value


class Losses:
    """The losses of steps that nobody has looked at yet; of a step, the sums over its parts."""

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
        """Forget what was added for a step: it is computed again."""
        self._steps = [(each, sums) for each, sums in self._steps if each != step]

    def take(self) -> list[dict[str, float]]:
        """The losses of each step since the last time, as numbers, in one transfer.

        Raises:
            NotFiniteError: names the first step whose loss is not finite.
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
