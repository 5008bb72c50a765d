"""GPT-2 (Radford et al., 2019), a decoder: its configuration and its cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tasks.experiment.model import Model
from tasks.families._decoder_fields import (
    language_model_head,
    language_model_products,
    special_tokens,
)
from tasks.training import flops, memory

__all__ = [
    "HEADS",
    "PLAIN_ATTENTION",
    "configure",
    "dropout",
    "encoder_bytes",
    "encoder_flops",
    "language_model_head",
    "language_model_products",
    "longest_input",
]

HEADS = ("next tokens",)
PLAIN_ATTENTION = False  # query, key and value are one product
# Radford et al. 2019; tiny and mini are those of BERT's miniatures
_SIZES = {
    "tiny": (2, 128, 2),
    "mini": (4, 256, 4),
    "small": (12, 768, 12),
    "medium": (24, 1024, 16),
    "large": (36, 1280, 20),
    "xl": (48, 1600, 25),
}


def configure(model: Model, tokenizer: Any, dropout: float) -> Any:
    """The configuration of a decoder that reads the tokens of a tokenizer."""
    from transformers import GPT2Config

    return GPT2Config(
        vocab_size=len(tokenizer),
        n_embd=model.hidden_size,
        n_layer=model.layers,
        n_head=model.heads,
        n_inner=model.intermediate_size or 4 * model.hidden_size,
        n_positions=model.max_positions,
        activation_function="gelu_pytorch_tanh",  # GPT-2's `gelu_new`, computed at once
        initializer_range=model.initializer_range,
        **special_tokens(tokenizer),
        **_dropout(dropout),
    )


def _dropout(probability: float) -> dict[str, float]:
    return {
        "resid_pdrop": probability,
        "embd_pdrop": probability,
        "attn_pdrop": probability,
        "classifier_dropout": probability,
    }


def dropout(probability: float) -> dict[str, float]:
    """The fields of a configuration that set the dropout."""
    return _dropout(probability)


def longest_input(config: Mapping[str, Any]) -> int | None:
    """Tokens that a model can read at once."""
    longest = config.get("n_positions")
    return longest if isinstance(longest, int) else None


def _inner(config: Any) -> int:
    """The width of the feed-forward layer; published configurations do not name it."""
    return int(config.n_inner or 4 * config.n_embd)


def encoder_flops(config: Any, rows: int, length: int) -> float:
    """Operations of a forward pass through the decoder, masked scores included."""
    return flops.of_transformer(config.n_layer, config.n_embd, _inner(config), rows, length)


def encoder_bytes(config: Any, length: int, *, bf16: bool, plain_attention: bool) -> int:
    """Memory of one row in the decoder."""
    return memory.of_transformer(
        config.n_layer,
        config.n_embd,
        _inner(config),
        config.n_head,
        length=length,
        dropout=bool(config.attn_pdrop),
        bf16=bf16,
        plain_attention=plain_attention,
    )
