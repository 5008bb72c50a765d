"""ConvNeXt (Liu et al., 2022, "A ConvNet for the 2020s", section 2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tasks.experiment.images.model import ImageModel

HEADS = ("classes", "views")
FIELDS = ()
CHANNELS_LAST = True
_LAYERS = ("no attention", "no checkpointing")
_DEPTHS = {"tiny": (4, 256), "small": (4, 512), "base": (4, 768)}

# Widths and depths of the four stages.
_SIZES = {
    "tiny": ([32, 64, 128, 256], [1, 1, 2, 1]),
    "small": ([64, 128, 256, 512], [2, 2, 6, 2]),
    "base": ([96, 192, 384, 768], [3, 3, 9, 3]),  # ConvNeXt-T
}
_LEAST = 32  # pixels: the first patches are of 4, and three stages halve what is left


def configure(model: ImageModel, size: int, dropout: float) -> Any:
    """The configuration of a model; patches are of 2 pixels where pictures are small."""
    from transformers import ConvNextConfig

    widths, depths = _SIZES[model.size]
    return ConvNextConfig(
        num_channels=3,
        patch_size=4 if size > _LEAST else 2,
        hidden_sizes=widths,
        depths=depths,
        drop_path_rate=dropout,
        image_size=size,
        # Of a deep model a layer begins as nearly nothing; so does one that is trained for minutes,
        # and then it learns little (section 2.2 of the paper's appendix has 1e-6).
        layer_scale_init_value=0.1 if model.size == "tiny" else 1e-6,
    )


def sides(given: Mapping[str, Any]) -> tuple[int, int]:
    """Any of which the last stage has a pixel left: each but the first halves what is left."""
    return 1, int(given.get("patch_size", 4)) * 2 ** (len(given.get("depths", [3, 3, 9, 3])) - 1)


def fit(given: dict[str, Any], weights: dict[str, Any], size: int) -> list[str]:
    """No weight depends on the size of pictures."""
    given["image_size"] = size
    return []


def dropout(probability: float) -> dict[str, float]:
    """Stochastic depth (Huang et al., 2016)."""
    return {"drop_path_rate": probability}
