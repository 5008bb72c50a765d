"""ViT (Dosovitskiy et al., 2021, "An image is worth 16×16 words", section 3.1)."""

from __future__ import annotations

from typing import Any

from tasks.experiment.images.consistency import patch_of
from tasks.experiment.images.model import ImageModel

HEADS = ("classes", "views", "patches")
FIELDS = ("patch_size",)
CHANNELS_LAST = False
_DEPTHS = {"tiny": (4, 128), "small": (12, 384), "base": (12, 768)}

# Hidden size, layers, heads.
_SIZES = {"tiny": (128, 4, 4), "small": (384, 12, 6), "base": (768, 12, 12)}


def configure(model: ImageModel, size: int, dropout: float) -> Any:
    """The configuration of a model that reads pictures of `size` × `size` pixels."""
    from transformers import ViTConfig

    width, layers, heads = _SIZES[model.size]
    patch = patch_of(model, size)
    return ViTConfig(
        image_size=size,
        patch_size=patch,
        encoder_stride=patch,  # of the head that fills in hidden patches
        num_channels=3,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=4 * width,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
    )


def dropout(probability: float) -> dict[str, float]:
    """Of the hidden states and of the weights of attention."""
    return {"hidden_dropout_prob": probability, "attention_probs_dropout_prob": probability}
