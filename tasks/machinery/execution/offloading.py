"""Offloading: what a training on a GPU keeps for its backward pass waits in the host's memory.

Copies are exact, so that it changes no bit, and is in no key. Parameters stay where they are, and
so does what is too small to be worth a copy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tasks.contract import StageError

if TYPE_CHECKING:
    from torch import Tensor

FIELD = "offload"
SMALLEST = 2**20  # bytes of what is moved


def require_offloading(arguments: Mapping[str, Any]) -> None:
    """Check that a stage which is to offload can.

    Raises:
        StageError: there is no GPU here.
    """
    for name, value in arguments.items():
        if asks(value):
            import torch

            if not torch.cuda.is_available():
                raise StageError(
                    f"{name}.{FIELD}: found {getattr(value, FIELD)}, but there is no GPU here: a "
                    "processor keeps everything in the same memory already; accepted: none. "
                    "gradient_checkpointing: true takes less memory"
                )


def asks(value: Any) -> bool:
    """Whether an argument of a stage is a training that is to offload."""
    return getattr(value, FIELD, "none") != "none"


@contextmanager
def offloaded(*, device: str = "cuda", smallest: int = SMALLEST) -> Iterator[None]:
    """Move what autograd keeps on a device to the memory of the host, while the block runs.

    Copies and computations are in the order of one stream, so that none waits for another.

    Args:
        device: of what is moved.
        smallest: bytes of a tensor that is moved.
    """
    import torch
    from torch.autograd.graph import saved_tensors_hooks

    def pack(kept: Tensor) -> tuple[str, Tensor]:
        moves = kept.device.type == device and not kept.is_leaf
        if not moves or kept.nbytes < smallest:
            return "", kept
        away = torch.empty_like(kept, device="cpu", pin_memory=device == "cuda")
        return str(kept.device), away.copy_(kept.detach(), non_blocking=True)

    def unpack(given: tuple[str, Tensor]) -> Tensor:
        place, kept = given
        return kept.to(place, non_blocking=True, copy=True) if place else kept

    with saved_tensors_hooks(pack, unpack):
        yield
