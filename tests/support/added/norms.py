"""The norms of the layers and the head learn."""

from __future__ import annotations

from typing import Any

from tasks.tuning import Tuned, Way

FIELDS: tuple[str, ...] = ("augmentation", "learning_rate")
OPTIMIZERS: tuple[str, ...] = ("adamw",)


def begin(model: Any, training: Way, seed: int) -> Tuned:
    """Freeze all of the body but its norms."""
    from tasks.models.depths import Depths, keep

    body = {name for name, _ in model.named_parameters()} - Depths.of(model).head
    keep(model, {name for name in body if "norm" not in name.lower()})
    return Tuned(model)
