"""Early stopping: the best weights on validation are kept, and a training that gains no more ends.

Prechelt 1998, "Early stopping – but when?", in "Neural Networks: Tricks of the Trade": here the
training stops after a number of validations in a row (the patience) that are no better than the
best one before.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from torch import nn

from tasks.training.weights.beside import Copies, copies_of, put, read_copies, write_copies

FILE, STATE = "best.safetensors", "best.json"

Order = Callable[[Mapping[str, float]], tuple[float, ...]]
"""Numbers of a validation by which it is ranked: the greater, the better."""


class Best:
    """The weights of the best validation so far; used at the end.

    Args:
        patience: validations in a row without a better one, after which the training stops.
        order: ranks validations by their metrics; of equal ones, the first is the best.
    """

    def __init__(self, patience: int, order: Order) -> None:
        self.patience, self.order = patience, order
        self.step = 0  # of the best validation
        self._score: tuple[float, ...] | None = None
        self._since = 0  # validations since the best
        self._model: nn.Module
        self._weights: Copies = {}

    def begin(self, model: nn.Module) -> None:
        """Look at the weights of this model."""
        self._model = model

    def validated(self, step: int, metrics: Mapping[str, float]) -> bool:
        """Keep the weights if they are the best so far; whether the training is to stop."""
        score = self.order(metrics)
        if self._score is None or score > self._score:
            self._score, self.step, self._since = score, step, 0
            self._weights = copies_of(self._model)
        else:
            self._since += 1
        return self._since >= self.patience

    def finish(self) -> None:
        """Give the model the best weights."""
        put(self._weights, self._model)

    def save(self, folder: Path) -> None:
        """Write the best weights, if there was a validation, and how they ranked."""
        state = {"score": self._score, "step": self.step, "since": self._since}
        (folder / STATE).write_text(json.dumps(state))
        if self._score is not None:
            write_copies(self._weights, folder / FILE)

    def load(self, folder: Path) -> None:
        """Read the same."""
        state = json.loads((folder / STATE).read_text())
        self.step, self._since = state["step"], state["since"]
        if state["score"] is not None:
            self._score = tuple(state["score"])
            self._weights = read_copies(folder / FILE, self._model)
