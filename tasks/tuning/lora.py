"""A product of two narrow matrices is added to each matrix of the layers, and learns in its place.

Hu et al. 2022, "LoRA: low-rank adaptation of large language models", ICLR; on all matrices of the
layers, as Dettmers et al. 2023, "QLoRA", NeurIPS, section 4, found to be needed.
"""

from __future__ import annotations

from typing import Any

from tasks.tuning import Tuned, Way

FIELDS: tuple[str, ...] = ("augmentation", "learning_rate", "rank", "alpha", "dropout")
OPTIMIZERS: tuple[str, ...] = ("adamw", "muon")
LIBRARIES: tuple[str, ...] = ("peft",)


def begin(model: Any, training: Way, seed: int) -> Tuned:
    """Add the matrices; at first their product is 0."""
    from peft import LoraConfig

    from tasks.tuning._adapters import adapt

    how = training.tuning
    config = LoraConfig(r=how.rank, lora_alpha=how.alpha, lora_dropout=how.dropout)
    return adapt(model, config, seed)
