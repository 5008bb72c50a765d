"""Swin (Liu et al., 2021, "Swin transformer: hierarchical vision transformer", section 3)."""

from __future__ import annotations

from typing import Any

from tasks.experiment.images.model import ImageModel

HEADS = ("classes", "views", "patches")
FIELDS = ()
CHANNELS_LAST = False
_LAYERS = ("windows",)  # a place attends to those of its window alone
# Stages, and the largest rank of their matrices.
_DEPTHS = {"tiny": (3, 128), "small": (4, 384), "base": (4, 768)}
# The side of a picture is a multiple of this: patches are merged two by two between the stages.
_MULTIPLES = {"tiny": (8,), "small": (32,), "base": (32,)}

# Side of a patch, width of the first stage, layers and heads of each stage, side of a window.
_SIZES = {
    "tiny": (2, 32, [1, 2, 2], [2, 4, 8], 4),
    "small": (4, 48, [2, 2, 6, 2], [3, 6, 12, 24], 7),
    "base": (4, 96, [2, 2, 6, 2], [3, 6, 12, 24], 7),  # Swin-T
}


def configure(model: ImageModel, size: int, dropout: float) -> Any:
    """The configuration of a model that reads pictures of `size` × `size` pixels."""
    from transformers import SwinConfig

    patch, width, layers, heads, window = _SIZES[model.size]
    stride = patch * 2 ** (len(layers) - 1)
    return SwinConfig(
        image_size=size,
        patch_size=patch,
        encoder_stride=stride,  # of the head that fills in hidden squares
        num_channels=3,
        embed_dim=width,
        depths=layers,
        num_heads=heads,
        # The library fails where a window is larger than what the last stage reads.
        window_size=min(window, size // stride),
        drop_path_rate=dropout,
    )


def dropout(probability: float) -> dict[str, float]:
    """Stochastic depth (Huang et al., 2016), as the paper trains it."""
    return {"drop_path_rate": probability}
