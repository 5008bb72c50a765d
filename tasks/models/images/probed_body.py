"""A pre-trained backbone that reads pictures, to be probed; or the same with random weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tasks.models.images.building import load_body, new_classifier
from tasks.problems import Problem


def read_body(
    kind: Problem, body: Path, labels: Sequence[str], _longest: int, seed: int, *, weights: bool
) -> tuple[Any, Any]:
    """The backbone with a new head that is not used, in evaluation mode; pictures need no reader.

    Args:
        kind: the problem.
        body: folder of the backbone.
        labels: of the data.
        seed: of random weights.
        weights: whether the weights are those of the backbone.
    """
    model = new_classifier(kind, body, labels, 0.0, seed)
    if weights:
        load_body(model, body)
    return model.eval().to("cuda" if torch.cuda.is_available() else "cpu"), None


def place_read(model: Any, filled: Tensor) -> Tensor | None:
    """The token of the class before the patches, as ViT has one; None without such a token."""
    embeddings = getattr(model.base_model, "embeddings", None)
    if getattr(embeddings, "cls_token", None) is None:
        return None
    return torch.zeros(len(filled), dtype=torch.long, device=filled.device)
