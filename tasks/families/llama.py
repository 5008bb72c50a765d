"""Llama (Touvron et al., 2023), a decoder: its configuration and its cost.

RMS norms before the layers, rotary positions, gated feed-forward layers, no biases. As in its small
models, the output shares the weights of the embeddings.
"""

from __future__ import annotations

from typing import Any

from tasks.experiment.model import Model
from tasks.families._bert_fields import longest_input
from tasks.families._decoder_fields import (
    language_model_head,
    language_model_products,
    special_tokens,
)
from tasks.training import flops, memory

__all__ = [
    "HEADS",
    "PLAIN_ATTENTION",
    "POSITIONS",
    "configure",
    "dropout",
    "encoder_bytes",
    "encoder_flops",
    "language_model_head",
    "language_model_products",
    "longest_input",
]

HEADS = ("next tokens",)
POSITIONS = ("rotary",)
PLAIN_ATTENTION = False  # published models share keys and values between heads
_LAYERS = ("gated", "no biases")
# Touvron et al. 2023; small and base are of Karpathy's llama2.c, tiny and mini as BERT's miniatures
_SIZES = {
    "tiny": (2, 128, 2),
    "mini": (4, 256, 4),
    "small": (8, 512, 8),
    "base": (12, 768, 12, 2048),
    "7b": (32, 4096, 32, 11008),
}


def configure(model: Model, tokenizer: Any, dropout: float) -> Any:
    """The configuration of a decoder that reads the tokens of a tokenizer.

    A gated layer has three matrices where others have two: its default width gives as many weights.
    """
    from transformers import LlamaConfig

    return LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=model.hidden_size,
        intermediate_size=model.intermediate_size or 8 * model.hidden_size // 3,
        num_hidden_layers=model.layers,
        num_attention_heads=model.heads,
        max_position_embeddings=model.max_positions,
        initializer_range=model.initializer_range,
        tie_word_embeddings=True,
        **special_tokens(tokenizer),
        **_dropout(dropout),
    )


def _dropout(probability: float) -> dict[str, float]:
    return {"attention_dropout": probability, "classifier_dropout": probability}


def dropout(probability: float) -> dict[str, float]:
    """The fields of a configuration that set the dropout: it has none between its layers."""
    return _dropout(probability)


def encoder_flops(config: Any, rows: int, length: int) -> float:
    """Operations of a forward pass through the decoder, masked scores included."""
    places, width = rows * length, config.hidden_size
    queries = config.num_attention_heads * config.head_dim
    keys = config.num_key_value_heads * config.head_dim  # fewer where heads share them
    layer = [
        (places, width, 2 * queries + 2 * keys),  # queries, keys, values, and the output
        (places, width, 3 * config.intermediate_size),  # gate, up, and down
        (places, length, 2 * queries),  # scores, and the weighted values: over all heads
    ]
    return config.num_hidden_layers * flops.of_products(layer)


def encoder_bytes(config: Any, length: int, *, bf16: bool, plain_attention: bool) -> int:
    """Memory of one row in the decoder; the gate is as wide as the layer that it gates."""
    return memory.of_transformer(
        config.num_hidden_layers,
        config.hidden_size,
        2 * config.intermediate_size,
        config.num_attention_heads,
        length=length,
        dropout=bool(config.attention_dropout),
        bf16=bf16,
        plain_attention=plain_attention,
    )
