"""What BERT, RoBERTa and other families share whose configuration has BERT's field names.

The name begins with `_`: it is no family of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tasks.experiment.model import Model
from tasks.training import flops, memory
from tasks.training.flops import Product


def sizes(model: Model, tokenizer: Any, dropout: float) -> dict[str, Any]:
    """The fields of a configuration but for positions and special tokens."""
    return {
        "vocab_size": len(tokenizer),
        "hidden_size": model.hidden_size,
        "num_hidden_layers": model.layers,
        "num_attention_heads": model.heads,
        "intermediate_size": model.intermediate_size or 4 * model.hidden_size,
        "hidden_dropout_prob": dropout,
        "attention_probs_dropout_prob": dropout,
        "initializer_range": model.initializer_range,
        "pad_token_id": tokenizer.pad_token_id,
    }


def dropout(probability: float) -> dict[str, float]:
    """The fields of a configuration that set the dropout."""
    return {
        "hidden_dropout_prob": probability,
        "attention_probs_dropout_prob": probability,
        "classifier_dropout": probability,
    }


def longest_input(config: Mapping[str, Any]) -> int | None:
    """Tokens that a model can read at once."""
    longest = config.get("max_position_embeddings")
    return longest if isinstance(longest, int) else None


def language_model_products(config: Any, positions: int) -> list[Product]:
    """Transform to the width of the embeddings, and projection to the vocabulary."""
    width = config.hidden_size
    inner = getattr(config, "embedding_size", width)
    return [(positions, width, inner), (positions, inner, config.vocab_size)]


def encoder_flops(config: Any, rows: int, length: int) -> float:
    """Operations of a forward pass through the encoder."""
    return flops.of_transformer(
        config.num_hidden_layers, config.hidden_size, config.intermediate_size, rows, length
    )


def encoder_bytes(config: Any, length: int, *, bf16: bool, plain_attention: bool) -> int:
    """Memory of one row in the encoder."""
    return memory.of_transformer(
        config.num_hidden_layers,
        config.hidden_size,
        config.intermediate_size,
        config.num_attention_heads,
        length=length,
        dropout=bool(config.attention_probs_dropout_prob),
        bf16=bf16,
        plain_attention=plain_attention,
    )
