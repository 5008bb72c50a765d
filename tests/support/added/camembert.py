"""CamemBERT (Martin et al., 2020), as somebody would add it: in one file of `tasks/families`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tasks.experiment.model import Model
from tasks.training import flops, memory
from tasks.training.flops import Product

HEADS = ("masked tokens",)
PLAIN_ATTENTION = False


def configure(model: Model, tokenizer: Any, dropout: float) -> Any:
    from transformers import CamembertConfig

    return CamembertConfig(
        vocab_size=len(tokenizer),
        hidden_size=model.hidden_size,
        num_hidden_layers=model.layers,
        num_attention_heads=model.heads,
        intermediate_size=model.intermediate_size or 4 * model.hidden_size,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
        initializer_range=model.initializer_range,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.cls_token_id,
        eos_token_id=tokenizer.sep_token_id,
        max_position_embeddings=model.max_positions + tokenizer.pad_token_id + 1,
    )


def dropout(probability: float) -> dict[str, float]:
    return {
        "hidden_dropout_prob": probability,
        "attention_probs_dropout_prob": probability,
        "classifier_dropout": probability,
    }


def longest_input(config: Mapping[str, Any]) -> int | None:
    return int(config["max_position_embeddings"]) - int(config["pad_token_id"]) - 1


def language_model_head(model: Any) -> Any:
    return model.lm_head


def language_model_products(config: Any, positions: int) -> list[Product]:
    width = config.hidden_size
    return [(positions, width, width), (positions, width, config.vocab_size)]


def encoder_flops(config: Any, rows: int, length: int) -> float:
    layers, width, inner = config.num_hidden_layers, config.hidden_size, config.intermediate_size
    return flops.of_transformer(layers, width, inner, rows, length)


def encoder_bytes(config: Any, length: int, *, bf16: bool, plain_attention: bool) -> int:
    return memory.of_transformer(
        config.num_hidden_layers,
        config.hidden_size,
        config.intermediate_size,
        config.num_attention_heads,
        length=length,
        dropout=config.attention_probs_dropout_prob > 0,
        bf16=bf16,
        plain_attention=plain_attention,
    )
