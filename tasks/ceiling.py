"""What a machine can do at most: FLOP/s of large square matrix products, measured."""

from __future__ import annotations

import time

import torch

SECONDS = 0.5
SIDES = {"cpu": 1024, "cuda": 8192}  # large enough to be bound by arithmetic, not by memory


def matmul_ceiling(device: str, *, bf16: bool) -> float:
    """FLOP/s of the best of as many products as fit into about half a second.

    Nothing is drawn: the values do not matter to the time, and a training's generator stays as it
    is.
    """
    side = SIDES[device]
    dtype = torch.bfloat16 if bf16 else torch.float32
    left, right = (torch.full((side, side), 0.5, dtype=dtype, device=device) for _ in range(2))
    best, begun = float("inf"), 0.0
    with torch.no_grad():
        torch.mm(left, right)  # chooses and prepares the kernel
        begun = time.perf_counter()
        while time.perf_counter() - begun < SECONDS:
            _wait(device)
            at = time.perf_counter()
            torch.mm(left, right)
            _wait(device)
            best = min(best, time.perf_counter() - at)
    return 2.0 * side**3 / best


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()
