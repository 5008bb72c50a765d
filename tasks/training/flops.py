"""Floating-point operations of a training step, counted from the shapes really multiplied.

Matrix products alone, a multiplication and an addition for each term; the backward pass takes two
products for each of the forward pass. Padding is multiplied too and so counts; the head counts only
where it is applied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from tasks.families.bert import bert_encoder

if TYPE_CHECKING:
    from torch import Tensor

Product = tuple[int, int, int]
"""A product of matrices of shape (a, b) and (b, c)."""

Head = Callable[[Any, "dict[str, Tensor]"], list[Product]]

FORWARD_AND_BACKWARD = 3


def of_products(products: Iterable[Product]) -> float:
    """Operations of matrix products."""
    return float(sum(2 * a * b * c for a, b, c in products))


ENCODERS: dict[str, Callable[[Any, int, int], float]] = {
    "bert": bert_encoder,
    "roberta": bert_encoder,
}


def of_step(config: Any, head: Head) -> Callable[[dict[str, Tensor]], float] | None:
    """Counts the operations of a training step with a batch; None for a family it does not know.

    Args:
        config: of the model.
        head: the products behind the encoder.
    """
    encoder = ENCODERS.get(config.model_type)
    if encoder is None:
        return None

    def count(batch: dict[str, Tensor]) -> float:
        rows, length = batch["input_ids"].shape
        forward = encoder(config, rows, length) + of_products(head(config, batch))
        return FORWARD_AND_BACKWARD * forward

    return count
