"""Floating-point operations of a training step, counted from the shapes really multiplied.

Matrix products alone, a multiplication and an addition for each term; the backward pass takes two
products for each of the forward pass. Padding is multiplied too and so counts; the head counts only
where it is applied.
"""

from __future__ import annotations

from collections.abc import Iterable

Product = tuple[int, int, int]
"""A product of matrices of shape (a, b) and (b, c)."""

FORWARD_AND_BACKWARD = 3


def of_products(products: Iterable[Product]) -> float:
    """Operations of matrix products."""
    return float(sum(2 * a * b * c for a, b, c in products))


def of_transformer(layers: int, width: int, inner: int, rows: int, length: int) -> float:
    """Operations of a forward pass through the encoder of a transformer (Vaswani et al., 2017).

    Args:
        layers: of self-attention and feed-forward.
        width: of the hidden states.
        inner: width of the feed-forward layer.
        rows: sequences.
        length: places in each, with padding.
    """
    places = rows * length
    layer = [
        (places, width, 4 * width),  # queries, keys, values, and the output
        (places, width, 2 * inner),  # up, and down
        (places, length, 2 * width),  # scores, and the weighted values: over all heads
    ]
    return layers * of_products(layer)


def of_step(forward: float) -> float:
    """Operations of a training step, from those of its forward pass."""
    return FORWARD_AND_BACKWARD * forward
