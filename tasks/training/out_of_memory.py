"""Repeating a step after a GPU ran out of memory."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class RandomState:
    """The states of torch's generators, so that a repeated step draws the same numbers."""

    cpu: Tensor
    cuda: list[Tensor]

    @classmethod
    def now(cls) -> RandomState:
        """The current states."""
        return cls(torch.get_rng_state(), torch.cuda.get_rng_state_all())

    def restore(self) -> None:
        """Restore these states."""
        torch.set_rng_state(self.cpu)
        torch.cuda.set_rng_state_all(self.cuda)


def too_large(rows: int) -> str:
    """The message if the memory is not sufficient."""
    if rows == 1:
        return (
            "not enough GPU memory for a single row: make the model smaller or the "
            "sequences shorter (sequence_length, max_length)"
        )
    return (
        f"the GPU ran out of memory with {rows} rows at once: set micro_batch_size to {rows // 2}; "
        "training then resumes from its last checkpoint"
    )
