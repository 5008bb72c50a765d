"""DETR (Carion et al., 2020, "End-to-end object detection with transformers") and its kin.

These are Conditional DETR (Meng et al., 2021) and Deformable DETR (Zhu et al., 2021).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SOLVES = ("object-detection",)
LIBRARIES = ("scipy",)  # of the matching of queries and objects
FIELDS = ()
_ALSO = ("conditional_detr", "deformable_detr")
_LAYERS = ("no checkpointing",)


def sides(given: Mapping[str, Any]) -> tuple[int, int]:
    """Any of which the last stage of the backbone has two pixels left, as group norms need."""
    return 1, 64


def fit(given: dict[str, Any], size: int) -> None:
    """Places are computed for any size."""


def dropout(probability: float) -> dict[str, float]:
    """Of the layers of encoder and decoder."""
    return {"dropout": probability}
