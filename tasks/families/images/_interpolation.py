"""Weights that belong to places of a picture, for another number of places."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def interpolated(embeddings: Tensor, before: int, after: int) -> Tensor:
    """Position embeddings for another number of patches (bicubic).

    Args:
        embeddings: [1, further + before², width]; the further ones, such as that of the class, are
            first and stay.
        before: patches in each direction.
        after: the same, wanted.

    Returns:
        [1, further + after², width].
    """
    further = embeddings.shape[1] - before**2
    places = embeddings[:, further:].transpose(1, 2).unflatten(2, (before, before))
    found = _resized(places, after).flatten(2).transpose(1, 2)
    return torch.cat([embeddings[:, :further], found], dim=1).contiguous()


def interpolated_bias(table: Tensor, before: int, after: int) -> Tensor:
    """Biases of relative positions for windows of another side (bicubic).

    Args:
        table: [(2 · before - 1)², heads].
        before: side of a window, in patches.
        after: the same, wanted.

    Returns:
        [(2 · after - 1)², heads].
    """
    places = table.T.unflatten(1, (2 * before - 1, 2 * before - 1))[None]
    return _resized(places, 2 * after - 1)[0].flatten(1).T.contiguous()


def _resized(places: Tensor, side: int) -> Tensor:
    """[1, width, rows, columns] with as many rows and columns as `side`."""
    found = functional.interpolate(
        places.float(), size=(side, side), mode="bicubic", align_corners=False
    )
    return found.to(places.dtype)
