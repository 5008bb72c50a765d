"""The head learns, and a pooler if there is one; the body only gives its features.

The features of a row are always the same, since the body is without dropout. Peters et al. 2019,
"To tune or not to tune? Adapting pretrained representations to diverse tasks", RepL4NLP.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.tuning import Tuned, Way

FIELDS: tuple[str, ...] = ("learning_rate",)
OPTIMIZERS: tuple[str, ...] = ("adamw",)


@dataclass
class Probe(Tuned):
    """A model whose body stays in evaluation mode."""

    def finish(self, out: Path, body: Path | None) -> None:
        """Give the body its modes back."""
        from tasks.models.depths import release

        super().finish(out, body)
        release(self.model.base_model)


def begin(model: Any, training: Way, seed: int) -> Tuned:
    """Freeze the body, and keep it in evaluation mode."""
    from tasks.models.depths import freeze, hold_in_evaluation

    freeze(model, "encoder")
    hold_in_evaluation(model.base_model)
    return Probe(model)
