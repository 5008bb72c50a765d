"""All weights learn, but those that `freeze` excludes; `layer_decay` slows the lower layers."""

from __future__ import annotations

from typing import Any

from tasks.tuning import Tuned, Way

FIELDS: tuple[str, ...] = ("augmentation",)
OPTIMIZERS: tuple[str, ...] = ("adamw", "muon")


def begin(model: Any, training: Way, seed: int) -> Tuned:
    """Freeze what is to be frozen."""
    from tasks.models.depths import freeze, layer_rates

    freeze(model, training.freeze)
    decays = training.layer_decay < 1
    return Tuned(model, layer_rates(model, training.layer_decay) if decays else {})
