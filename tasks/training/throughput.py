"""How fast a training is, measured on its own first steps, and how long it will take."""

from __future__ import annotations

import time
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

import torch

from tasks.machinery.naming.durations import rough_duration

if TYPE_CHECKING:
    from tasks.training.step_trainer import StepTrainer

WARM_UP = 3  # steps that are not measured: allocations, caches, kernels that are chosen
MEASURED = 5.0  # seconds: fewer steps of a small model are still slower than the rest
LONG = 60.0  # seconds: a shorter training is not worth a word, nor a measurement of the ceiling


class Throughput:
    """Says once how long a long training will take, and measures what the machine could do."""

    def __init__(self, trainer: StepTrainer) -> None:
        self.trainer = trainer
        self.ends: list[
            tuple[float, int]
        ] = []  # seconds of training and places seen, after each step
        self.said = False

    def step_made(self) -> None:
        """Look at the clock, which has just been read."""
        if self.said:
            return
        meter = self.trainer.meter
        self.ends.append((meter.elapsed, meter.seen))
        if len(self.ends) - 1 <= WARM_UP:
            return
        spent = self.ends[-1][0] - self.ends[WARM_UP][0]
        if spent < MEASURED:
            return
        self.said = True
        ends = [seconds for seconds, _ in self.ends[WARM_UP:]]
        self._tell(
            median(after - before for before, after in pairwise(ends)),
            self.ends[-1][1] - self.ends[WARM_UP][1],
            spent,
        )

    def _tell(self, step_seconds: float, filled: int, spent: float) -> None:
        trainer = self.trainer
        left = step_seconds * (trainer.budget.steps - trainer.state.global_step)
        if trainer.budget.seconds:
            left = min(left, trainer.budget.seconds - trainer.meter.elapsed)
        if left < LONG:
            return
        unit = trainer.computation.unit
        trainer.monitor.say(f"about {rough_duration(left)} at {filled / spent:,.0f} {unit}/s")
        if trainer.computation.flops is not None:
            trainer.ceiling = matmul_ceiling(trainer.args.device.type, bf16=trainer.bf16)
            trainer.monitor.note(matmul_ceiling=trainer.ceiling)
            trainer.meter.clock.start()  # the measurement is no time of training


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
