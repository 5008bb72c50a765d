"""The outputs of each matrix of the layers are scaled, each by a number that learns.

Liu et al. 2022, "Few-shot parameter-efficient fine-tuning is better and cheaper than in-context
learning", NeurIPS, who scale keys, values and the inner activations of the feed-forward layers.
"""

from __future__ import annotations

from typing import Any

from tasks.tuning import Tuned, Way

FIELDS: tuple[str, ...] = ("augmentation", "learning_rate")
OPTIMIZERS: tuple[str, ...] = ("adamw",)
LIBRARIES: tuple[str, ...] = ("peft",)


def begin(model: Any, training: Way, seed: int) -> Tuned:
    """Add the scales; at first they are 1."""
    from peft import IA3Config

    from tasks.tuning._adapters import adapt

    return adapt(model, IA3Config(feedforward_modules=[]), seed, beginning=".ia3_l.")
