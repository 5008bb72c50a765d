"""ResNet (He et al., 2016, "Deep residual learning for image recognition", section 3.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tasks.experiment.images.model import ImageModel

HEADS = ("classes", "views")
FIELDS = ()
CHANNELS_LAST = True
_LAYERS = ("no matrices", "no attention", "no checkpointing")  # convolutions alone
_DEPTHS = {"tiny": (4, 256), "small": (4, 512), "base": (4, 1024)}

_SIZES: dict[str, dict[str, Any]] = {
    "tiny": {
        "embedding_size": 32,
        "hidden_sizes": [32, 64, 128, 256],
        "depths": [1, 1, 1, 1],
        "layer_type": "basic",
    },
    "small": {  # ResNet-18
        "embedding_size": 64,
        "hidden_sizes": [64, 128, 256, 512],
        "depths": [2, 2, 2, 2],
        "layer_type": "basic",
    },
    "base": {  # ResNet-50
        "embedding_size": 64,
        "hidden_sizes": [256, 512, 1024, 2048],
        "depths": [3, 4, 6, 3],
        "layer_type": "bottleneck",
    },
}


def configure(model: ImageModel, size: int, dropout: float) -> Any:
    """The configuration of a model; it reads pictures of any size, and has no dropout."""
    from transformers import ResNetConfig

    return ResNetConfig(num_channels=3, **_SIZES[model.size])


def sides(given: Mapping[str, Any]) -> tuple[int, int]:
    """Any: its layers read pictures of any size."""
    return 1, 1


def fit(given: dict[str, Any], weights: dict[str, Any], size: int) -> list[str]:
    """Nothing depends on the size of pictures."""
    return []


def dropout(probability: float) -> dict[str, float]:
    """None: it has batch norms instead."""
    return {}
