"""As LoRA, and the length of each column of the adapted matrices learns apart from its direction.

Liu et al. 2024, "DoRA: weight-decomposed low-rank adaptation", ICML.
"""

from __future__ import annotations

from typing import Any

from tasks.tuning import Tuned, Way

FIELDS: tuple[str, ...] = ("augmentation", "learning_rate", "rank", "alpha", "dropout")
OPTIMIZERS: tuple[str, ...] = ("adamw",)
LIBRARIES: tuple[str, ...] = ("peft",)


def begin(model: Any, training: Way, seed: int) -> Tuned:
    """Add the matrices and the lengths; at first they change nothing."""
    from peft import LoraConfig

    from tasks.tuning._adapters import adapt

    how = training.tuning
    config = LoraConfig(r=how.rank, lora_alpha=how.alpha, lora_dropout=how.dropout, use_dora=True)
    return adapt(model, config, seed, beginning=".lora_magnitude_vector.")
