"""RoBERTa (Liu et al., 2019): its configuration and its cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tasks.experiment.model import Model
from tasks.training import flops, memory
from tasks.training.flops import Product

HEADS = ("masked tokens",)
PLAIN_ATTENTION = True


def configure(model: Model, tokenizer: Any, dropout: float) -> Any:
    """The configuration of an encoder that reads the tokens of a tokenizer."""
    from transformers import RobertaConfig

    return RobertaConfig(
        vocab_size=len(tokenizer),
        hidden_size=model.hidden_size,
        num_hidden_layers=model.layers,
        num_attention_heads=model.heads,
        intermediate_size=model.intermediate_size or 4 * model.hidden_size,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
        initializer_range=model.initializer_range,
        pad_token_id=tokenizer.pad_token_id,
        # RoBERTa numbers positions from pad_token_id + 1, which uses a part of the table.
        max_position_embeddings=model.max_positions + tokenizer.pad_token_id + 1,
        layer_norm_eps=1e-5,
        type_vocab_size=1,
        bos_token_id=tokenizer.cls_token_id,
        eos_token_id=tokenizer.sep_token_id,
    )


def dropout(probability: float) -> dict[str, float]:
    """The fields of a configuration that set the dropout."""
    return {
        "hidden_dropout_prob": probability,
        "attention_probs_dropout_prob": probability,
        "classifier_dropout": probability,
    }


def longest_input(config: Mapping[str, Any]) -> int | None:
    """Tokens that a model can read at once; it numbers them from pad_token_id + 1."""
    longest = config.get("max_position_embeddings")
    if not isinstance(longest, int):
        return None
    return longest - int(config.get("pad_token_id") or 0) - 1


def language_model_head(model: Any) -> Any:
    """Transform and projection to the vocabulary."""
    return model.lm_head


def language_model_products(config: Any, positions: int) -> list[Product]:
    """Transform and projection to the vocabulary."""
    width = config.hidden_size
    return [(positions, width, width), (positions, width, config.vocab_size)]


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
