"""The biases of the encoder and the head learn; batch norms keep their scales and statistics.

Ben Zaken et al. 2022, "BitFit: simple parameter-efficient fine-tuning for transformer-based masked
language-models", ACL.
"""

from __future__ import annotations

from typing import Any

from tasks.contract import StageError
from tasks.tuning import Tuned, Way

FIELDS: tuple[str, ...] = ("augmentation", "learning_rate")
OPTIMIZERS: tuple[str, ...] = ("adamw",)


def begin(model: Any, training: Way, seed: int) -> Tuned:
    """Freeze all of the encoder but its biases."""
    from tasks.models.depths import Depths, keep

    body = {name for name, _ in model.named_parameters()} - Depths.of(model).head
    biases = {name for name in body if name.endswith("bias")}
    if not biases:
        raise StageError(
            f"tuning.method is bias, but the layers of a {model.config.model_type} have no biases; "
            "accepted with it: the other methods, such as lora or probe"
        )
    keep(model, body - biases)
    return Tuned(model)
