"""What is needed to make a step again that a GPU had no memory for."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class RandomState:
    """The states of torch's generators: a step that is made again draws the same numbers."""

    cpu: Tensor
    cuda: list[Tensor]

    @classmethod
    def now(cls) -> RandomState:
        """What they are now."""
        return cls(torch.get_rng_state(), torch.cuda.get_rng_state_all())

    def restore(self) -> None:
        """Make them what they were."""
        torch.set_rng_state(self.cpu)
        torch.cuda.set_rng_state_all(self.cuda)


def too_large(rows: int) -> str:
    """What to say where the memory does not do."""
    if rows == 1:
        return (
            "the GPU has no memory for a single row at once: make the model smaller or the "
            "sequences shorter (sequence_length, max_length)"
        )
    return (
        f"the GPU ran out of memory with {rows} rows at once: set micro_batch_size to {rows // 2}; "
        "training then goes on from its last checkpoint"
    )
