"""RT-DETR (Zhao et al., 2024, "DETRs beat YOLOs on real-time object detection"), and version 2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SOLVES = ("object-detection",)
LIBRARIES = ("scipy",)  # of the matching of queries and objects
FIELDS = ()
_ALSO = ("rt_detr_v2",)
_LAYERS = ("no checkpointing",)


def sides(given: Mapping[str, Any]) -> tuple[int, int]:
    """The maps of the backbone are halved and doubled, down to one pixel for 32."""
    multiple = max(given.get("feat_strides") or [32])
    return multiple, 2 * multiple


def fit(given: dict[str, Any], size: int) -> None:
    """Anchors and places are computed for each picture, not stored for one size."""
    given |= {"anchor_image_size": None, "eval_size": None}


def dropout(probability: float) -> dict[str, float]:
    """Of the layers of encoder and decoder."""
    return {"dropout": probability}
