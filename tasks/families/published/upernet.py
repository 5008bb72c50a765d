"""UperNet (Xiao et al., 2018, "Unified perceptual parsing for scene understanding")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SOLVES = ("semantic-segmentation",)
LIBRARIES = ()
FIELDS = ("micro_batch_size",)
_LAYERS = ("no checkpointing",)


def sides(given: Mapping[str, Any]) -> tuple[int, int]:
    """Any of which the last stage of the backbone has a pixel left."""
    return 1, 32


def fit(given: dict[str, Any], size: int) -> None:
    """The backbone pads what its windows do not divide."""


def dropout(probability: float) -> dict[str, float]:
    """None of its own: that of the backbone stays."""
    return {}
