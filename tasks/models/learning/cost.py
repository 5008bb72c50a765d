"""What a fine-tuning costs, beside its seconds: weights that learn, memory, space."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.models.learning.peak_memory import forget_peak, peak_bytes

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
