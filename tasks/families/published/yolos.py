"""YOLOS (Fang et al., 2021, "You only look at one sequence"): a ViT with tokens that detect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tasks.families.images._sides import side_of

SOLVES = ("object-detection",)
LIBRARIES = ("scipy",)  # of the matching of tokens and objects
FIELDS = ()


def sides(given: Mapping[str, Any]) -> tuple[int, int]:
    """A picture is cut into patches, two in each direction at least."""
    patch = side_of(given.get("patch_size", 16))
    return patch, 2 * patch


def fit(given: dict[str, Any], size: int) -> None:
    """The model itself interpolates its position embeddings to the pictures that it reads."""


def dropout(probability: float) -> dict[str, float]:
    """Of the hidden states and of the weights of attention."""
    return {"hidden_dropout_prob": probability, "attention_probs_dropout_prob": probability}
