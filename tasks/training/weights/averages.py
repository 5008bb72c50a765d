"""Averages of the weights over the steps, which often answer better than the last weights.

An exponential moving average (Polyak and Juditsky 1992, "Acceleration of stochastic approximation
by averaging", for averages; Morales-Brotons et al. 2024, "Exponential moving average of weights in
deep learning", TMLR, for this one). Its decay begins low and rises, as that of TensorFlow's
`ExponentialMovingAverage(num_updates=…)`, so that a short training forgets its first steps too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import nn

from tasks.training.weights.beside import (
    Copies,
    copies_of,
    put,
    read_copies,
    trained,
    write_copies,
)

FILE = "averages.safetensors"


class Averages:
    """The moving averages of the trained weights; they are validated, and used at the end.

    Args:
        decay: the share of the average that a step keeps, at most.
    """

    def __init__(self, decay: float) -> None:
        self.decay = decay
        self._model: nn.Module
        self._averages: Copies = {}

    def begin(self, model: nn.Module) -> None:
        """Start from the weights that the training begins with."""
        self._model, self._averages = model, copies_of(model)

    def decay_at(self, step: int) -> float:
        """The share of the average that a step, from 1, keeps."""
        return min(self.decay, (1 + step) / (10 + step))

    @torch.no_grad()
    def step_made(self, step: int) -> None:
        """Add the weights after a step, from 1."""
        for name, part in trained(self._model):
            self._averages[name].lerp_(part, 1 - self.decay_at(step))

    @contextmanager
    def used(self) -> Iterator[None]:
        """Give the model the averages while the block runs."""
        own = copies_of(self._model)
        put(self._averages, self._model)
        try:
            yield
        finally:
            put(own, self._model)

    def finish(self) -> None:
        """Give the model the averages for good."""
        put(self._averages, self._model)

    def save(self, folder: Path) -> None:
        """Write the averages."""
        write_copies(self._averages, folder / FILE)

    def load(self, folder: Path) -> None:
        """Read the averages."""
        self._averages = read_copies(folder / FILE, self._model)
