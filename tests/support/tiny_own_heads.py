"""Tiny models with heads of their own, of transformers' own classes, as the Hub publishes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
import transformers

from tests.support.tiny_published import DEVIATION, MEAN

LABELS = ["cat", "dog", "owl"]
STAGES = ["stage1", "stage2", "stage3", "stage4"]
RESNET = {"embedding_size": 8, "hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1]}
RESNET |= {"layer_type": "basic"}
ENCODER = {"encoder_layers": 1, "encoder_attention_heads": 2, "encoder_ffn_dim": 32}
DECODER = {"decoder_layers": 2, "decoder_attention_heads": 2, "decoder_ffn_dim": 32}
QUERIES = ENCODER | DECODER | {"num_queries": 10}


def resnet(first: int, kind: str = "ResNetConfig") -> Any:
    """The configuration of a backbone that gives its stages from `first` on."""
    return getattr(transformers, kind)(**RESNET, out_features=STAGES[first - 1 :])


def real_time() -> dict[str, Any]:
    sizes = {"encoder_hidden_dim": 32, "d_model": 32, "encoder_in_channels": [16, 24, 32]}
    sizes |= {"decoder_in_channels": [32, 32, 32], "num_denoising": 4}
    return QUERIES | sizes | {"backbone_config": resnet(2, "RTDetrResNetConfig")}


def swin() -> Any:
    sizes = {"embed_dim": 8, "depths": [1, 1, 1, 1], "num_heads": [1, 1, 2, 2], "window_size": 4}
    return transformers.SwinConfig(image_size=64, patch_size=4, out_features=STAGES, **sizes)


# By model_type: the class, its configuration, and the fields of that.
OWN_HEADS: dict[str, tuple[str, str, Callable[[], dict[str, Any]]]] = {
    "yolos": (
        "YolosForObjectDetection",
        "YolosConfig",
        lambda: {
            **{"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2},
            **{"intermediate_size": 64, "image_size": [64, 96], "patch_size": 16},
            "num_detection_tokens": 10,
        },
    ),
    "detr": (
        "DetrForObjectDetection",
        "DetrConfig",
        lambda: QUERIES | {"d_model": 64, "backbone_config": resnet(4)},
    ),
    "conditional_detr": (
        "ConditionalDetrForObjectDetection",
        "ConditionalDetrConfig",
        lambda: QUERIES | {"d_model": 64, "backbone_config": resnet(4)},
    ),
    "deformable_detr": (
        "DeformableDetrForObjectDetection",
        "DeformableDetrConfig",
        lambda: QUERIES | {"d_model": 64, "backbone_config": resnet(2)},
    ),
    "rt_detr": ("RTDetrForObjectDetection", "RTDetrConfig", real_time),
    "rt_detr_v2": ("RTDetrV2ForObjectDetection", "RTDetrV2Config", real_time),
    "segformer": (
        "SegformerForSemanticSegmentation",
        "SegformerConfig",
        lambda: {
            **{"hidden_sizes": [8, 16, 16, 32], "depths": [1, 1, 1, 1]},
            **{"num_attention_heads": [1, 1, 2, 2], "decoder_hidden_size": 32},
        },
    ),
    "upernet": (
        "UperNetForSemanticSegmentation",
        "UperNetConfig",
        lambda: {
            **{"backbone_config": resnet(1), "hidden_size": 16},
            **{"auxiliary_channels": 8, "auxiliary_in_channels": 24},
        },
    ),
    "mask2former": (
        "Mask2FormerForUniversalSegmentation",
        "Mask2FormerConfig",
        lambda: {
            **{"backbone_config": swin(), "feature_size": 32, "mask_feature_size": 32},
            **{"hidden_dim": 32, "encoder_feedforward_dim": 32, "dim_feedforward": 32},
            **{"encoder_layers": 1, "decoder_layers": 2, "num_attention_heads": 2},
            **{"num_queries": 8, "train_num_points": 64},
        },
    ),
}
READERS = {"segformer": "SegformerImageProcessor", "upernet": "SegformerImageProcessor"}


def write_own_head(folder: Path, kind: str, labels: Sequence[str] = LABELS, **fields: Any) -> Path:
    """The folder of a model with random weights and its image processor.

    Args:
        folder: to write to.
        kind: its `model_type`.
        labels: its answers.
        fields: of its configuration, in the place of others.
    """
    built, configuration, sizes = OWN_HEADS[kind]
    config = getattr(transformers, configuration)(**(sizes() | fields))
    config.id2label = dict(enumerate(labels))
    config.label2id = {label: number for number, label in enumerate(labels)}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        model = getattr(transformers, built)(config)
    model.save_pretrained(folder)
    name = READERS.get(kind, "DetrImageProcessor")
    size = {"height": 64, "width": 64} if kind in READERS else {"shortest_edge": 64}
    reader = getattr(transformers, name)(size=size, image_mean=MEAN, image_std=DEVIATION)
    reader.save_pretrained(folder)
    return folder
