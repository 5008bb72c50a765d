"""What a fine-tuning costs, beside its seconds: weights that learn, memory, space."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.experiment.problem import FineTuning
from tasks.models.learning.peak_memory import forget_peak, peak_bytes
from tasks.training.memory import COPIES

MEGABYTE = 10**6


@dataclass(frozen=True)
class Costs:
    """The costs of a fine-tuning.

    Attributes:
        model: that is trained.
        trained: how many numbers learn.
    """

    model: Any
    trained: int

    @classmethod
    def of(cls, model: Any) -> Costs:
        """Count what learns, and look at the memory from now on."""
        forget_peak()
        return cls(model, sum(p.numel() for p in model.parameters() if p.requires_grad))

    def peak(self) -> dict[str, float]:
        """`peak_memory_mb` of the process while it trained; empty if it is unknown."""
        found = peak_bytes()
        return {} if found is None else {"peak_memory_mb": round(found / MEGABYTE, 1)}

    def of_files(self, out: Path) -> dict[str, float]:
        """Counts and sizes, after the training.

        Args:
            out: with `model/`, and `adapter/` if there is one.

        Returns:
            trained_parameters, trained_share (of those of the plain model), model_bytes, and
            adapter_bytes where there is an adapter.
        """
        sizes = {
            f"{name}_bytes": float(sum(file.stat().st_size for file in folder.iterdir()))
            for name in ("model", "adapter")
            if (folder := out / name).is_dir()
        }
        share = self.trained / sum(part.numel() for part in self.model.parameters())
        return {"trained_parameters": float(self.trained), "trained_share": share, **sizes}


def further_copies(model: Any, training: FineTuning) -> int:
    """Sizes of the weights that a training keeps beside those of a usual one (`memory.COPIES`).

    Gradients, moments, averages and the best weights are kept of what learns alone, so that the
    number is negative where little does. It is rounded up.
    """
    every = trained = 0
    for part in model.parameters():
        every += part.numel()
        trained += part.numel() * part.requires_grad
    # The averages, and the weights that they stand in for while validating; the best weights.
    kept = COPIES - 1 + 2 * (training.averaging > 0) + (training.early_stopping > 0)
    return math.ceil(kept * trained / every) - (COPIES - 1)
