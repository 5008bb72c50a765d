"""ViT (Dosovitskiy et al., 2021, "An image is worth 16×16 words", section 3.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tasks.experiment.images.consistency import patch_of
from tasks.experiment.images.model import ImageModel
from tasks.families.images._sides import side_of

HEADS = ("classes", "views", "patches")
FIELDS = ("patch_size",)
CHANNELS_LAST = False
_ALSO = ("vit_mae",)  # a masked autoencoder (He et al., 2022), of which the encoder is a ViT
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


def sides(given: Mapping[str, Any]) -> tuple[int, int]:
    """A picture is cut into patches, two in each direction at least."""
    patch = side_of(given.get("patch_size", 16))
    return patch, 2 * patch


def fit(given: dict[str, Any], weights: dict[str, Any], size: int) -> list[str]:
    """Its position embeddings are interpolated (section 3.2 of the paper); patches stay."""
    from tasks.families.images._interpolation import interpolated

    said = []
    if given["model_type"] in _ALSO:
        for name in [each for each in weights if each.startswith("decoder.")]:
            del weights[name]
        for name in [each for each in given if each.startswith("decoder_")]:
            del given[name]
        given |= {"model_type": "vit", "architectures": ["ViTModel"]}
        said.append("the encoder of a masked autoencoder is used, without its decoder")
    given["patch_size"] = patch = side_of(given.get("patch_size", 16))
    if not any(name.startswith("decoder.") for name in weights):
        given["encoder_stride"] = patch  # of the head that fills in hidden patches
    before, after = side_of(given.get("image_size", 224)) // patch, size // patch
    given["image_size"] = size
    if before != after:
        for name in [each for each in weights if each.endswith("position_embeddings")]:
            weights[name] = interpolated(weights[name], before, after)
        said.append(
            f"position embeddings are interpolated from {before} × {before} to {after} × {after} "
            f"patches of {patch} pixels"
        )
    return said


def dropout(probability: float) -> dict[str, float]:
    """Of the hidden states and of the weights of attention."""
    return {"hidden_dropout_prob": probability, "attention_probs_dropout_prob": probability}
