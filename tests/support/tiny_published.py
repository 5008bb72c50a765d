"""Tiny models that read pictures, made of transformers' own classes as the Hub publishes them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import transformers

MEAN, DEVIATION = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]  # of ImageNet, as most models have
SIDE = 32
LABELS = ["cat", "dog", "owl", "fox"]

VIT = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "image_size": SIDE,
    "patch_size": 8,
}
SWIN = {
    "image_size": SIDE,
    "patch_size": 2,
    "embed_dim": 8,
    "depths": [1, 1],
    "num_heads": [2, 4],
    "window_size": 4,
    "encoder_stride": 4,
}
STAGED = {"hidden_sizes": [8, 16], "depths": [1, 1]}
RESNET = {**STAGED, "embedding_size": 8, "layer_type": "basic"}
MAE = VIT | {
    "decoder_hidden_size": 8,
    "decoder_num_hidden_layers": 1,
    "decoder_num_attention_heads": 2,
    "decoder_intermediate_size": 16,
}
# By a name: the class, its configuration, and its image processor.
PUBLISHED: dict[str, tuple[str, str, dict[str, Any], str]] = {
    "resnet": ("ResNetForImageClassification", "ResNetConfig", RESNET, "ConvNextImageProcessor"),
    "convnext": (
        "ConvNextForImageClassification",
        "ConvNextConfig",
        STAGED | {"num_stages": 2, "patch_size": 4, "image_size": SIDE},
        "ConvNextImageProcessor",
    ),
    "vit": ("ViTForImageClassification", "ViTConfig", VIT, "ViTImageProcessor"),
    "vit-body": ("ViTModel", "ViTConfig", VIT, "ViTImageProcessor"),
    "vit-simmim": (
        "ViTForMaskedImageModeling",
        "ViTConfig",
        VIT | {"encoder_stride": 8},
        "ViTImageProcessor",
    ),
    "mae": ("ViTMAEForPreTraining", "ViTMAEConfig", MAE, "ViTImageProcessor"),
    "swin": ("SwinForImageClassification", "SwinConfig", SWIN, "ViTImageProcessor"),
    "swin-simmim": ("SwinForMaskedImageModeling", "SwinConfig", SWIN, "ViTImageProcessor"),
}


def write_published(
    folder: Path,
    kind: str,
    mean: list[float] = MEAN,
    deviation: list[float] = DEVIATION,
    *,
    labels: Sequence[str] = LABELS,
) -> Path:
    """The folder of a model with random weights and its image processor."""
    built, configuration, sizes, processor = PUBLISHED[kind]
    config = getattr(transformers, configuration)(**sizes)
    if "Classification" in built:
        config.id2label = dict(enumerate(labels))
        config.label2id = {label: number for number, label in enumerate(labels)}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        model = getattr(transformers, built)(config)
        for name, tensor in model.named_parameters():  # some begin as zeros
            if "position" in name or "bias" in name:
                torch.nn.init.normal_(tensor, std=0.1)
    model.save_pretrained(folder)
    reader = getattr(transformers, processor)(
        size={"shortest_edge": SIDE}
        if "ConvNext" in processor
        else {"height": SIDE, "width": SIDE},
        image_mean=mean,
        image_std=deviation,
    )
    reader.save_pretrained(folder)
    return folder
