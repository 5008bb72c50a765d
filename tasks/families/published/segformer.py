"""SegFormer (Xie et al., 2021, "SegFormer: simple and efficient design for segmentation")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SOLVES = ("semantic-segmentation",)
LIBRARIES = ()
FIELDS = ("micro_batch_size",)


def sides(given: Mapping[str, Any]) -> tuple[int, int]:
    """Any of which the last stage has a pixel left."""
    least = 1
    for stride in given.get("strides") or [4, 2, 2, 2]:
        least *= stride
    return 1, least


def fit(given: dict[str, Any], size: int) -> None:
    """It has no position embeddings."""


def dropout(probability: float) -> dict[str, float]:
    """Stochastic depth (Huang et al., 2016), and of the last maps, as the paper trains it."""
    return {"drop_path_rate": probability, "classifier_dropout_prob": probability}
