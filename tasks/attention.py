"""Which of transformers' implementations of attention a training uses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from transformers import PreTrainedModel

LONGEST = 1024  # positions: the explicit products keep a square of them for each head


def is_plain(config: Any, precision: Literal["fp32", "bf16"], device: str) -> bool:
    """Whether a model trains fastest with the plain products: see `quick_attention`."""
    positions = getattr(config, "max_position_embeddings", LONGEST + 1)
    return device == "cpu" and precision == "bf16" and positions <= LONGEST


@contextmanager
def quick_attention(
    model: PreTrainedModel, precision: Literal["fp32", "bf16"], device: str
) -> Iterator[None]:
    """Train with the implementation that is fastest here; the model goes back as it came.

    On a processor in bf16, the backward pass of torch's fused attention takes four to five times as
    long as that of the plain matrix products (at 64 to 128 tokens; 1.3 times both passes together
    at 512), which use the matrix units. Everywhere else the model keeps what it has.
    """
    before = model.config._attn_implementation  # no public name reads it
    if not is_plain(model.config, precision, device):
        yield
        return
    model.set_attn_implementation("eager")
    try:
        yield
    finally:
        model.set_attn_implementation(before)
