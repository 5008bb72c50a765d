"""Swin (Liu et al., 2021, "Swin transformer: hierarchical vision transformer", section 3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tasks.experiment.images.model import ImageModel
from tasks.families.images._sides import side_of

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


def sides(given: Mapping[str, Any]) -> tuple[int, int]:
    """Patches are merged two by two between the stages, and the last one has two of them left."""
    stride = side_of(given.get("patch_size", 4)) * 2 ** (len(given.get("depths", [2, 2, 6, 2])) - 1)
    return stride, stride


def fit(given: dict[str, Any], weights: dict[str, Any], size: int) -> list[str]:
    """Windows are not larger than what the last stage reads; biases are interpolated with them.

    So does the paper for other windows (section A.2.1 of its appendix).
    """
    from tasks.families.images._interpolation import interpolated, interpolated_bias

    said = []
    given["patch_size"] = patch = side_of(given.get("patch_size", 4))
    stride, _ = sides(given)
    if not any(name.startswith("decoder.") for name in weights):
        given["encoder_stride"] = stride  # of the head that fills in hidden squares
    before, after = side_of(given.get("image_size", 224)) // patch, size // patch
    given["image_size"] = size
    if before != after:
        for name in [each for each in weights if each.endswith("position_embeddings")]:
            weights[name] = interpolated(weights[name], before, after)
    window = int(given.get("window_size", 7))
    given["window_size"] = smaller = min(window, size // stride)
    if smaller != window:
        for name in [each for each in weights if each.endswith("relative_position_bias_table")]:
            weights[name] = interpolated_bias(weights[name], window, smaller)
        said.append(
            f"windows are of {smaller} patches, not {window}, and their biases interpolated"
        )
    for name in [each for each in weights if each.endswith("relative_position_index")]:
        del weights[name]  # it is computed from the side of a window
    return said


def dropout(probability: float) -> dict[str, float]:
    """Stochastic depth (Huang et al., 2016), as the paper trains it."""
    return {"drop_path_rate": probability}
