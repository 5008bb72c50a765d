"""RegNet (Radosavovic et al., 2020), as somebody would add it: in one file of `families/images`."""

from __future__ import annotations

from typing import Any

from tasks.experiment.images.model import ImageModel

HEADS = ("classes", "views")
FIELDS = ()
CHANNELS_LAST = True
_LAYERS = ("no matrices", "no attention", "no checkpointing")
_DEPTHS = {"tiny": (4, 128), "small": (4, 256)}

_WIDTHS = {"tiny": [16, 32, 64, 128], "small": [32, 64, 128, 256]}


def configure(model: ImageModel, size: int, dropout: float) -> Any:
    from transformers import RegNetConfig

    return RegNetConfig(
        embedding_size=16,
        hidden_sizes=_WIDTHS[model.size],
        depths=[1, 1, 1, 1],
        groups_width=16,
        layer_type="x",
    )


def dropout(probability: float) -> dict[str, float]:
    return {}
