"""Mask2Former (Cheng et al., 2022, "Masked-attention mask transformer for segmentation")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SOLVES = ("semantic-segmentation",)
LIBRARIES = ("scipy",)  # of the matching of queries and masks
FIELDS = ()
_LAYERS = ("no checkpointing",)


def sides(given: Mapping[str, Any]) -> tuple[int, int]:
    """The maps of the backbone are doubled up to a quarter of the picture."""
    multiple = max(given.get("feature_strides") or [32])
    return multiple, multiple


def fit(given: dict[str, Any], size: int) -> None:
    """Places are computed for any size."""


def dropout(probability: float) -> dict[str, float]:
    """Of the layers of the decoder."""
    return {"dropout": probability}
