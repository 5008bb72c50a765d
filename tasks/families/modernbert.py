"""ModernBERT (Warner et al., 2024): its configuration and its cost.

Norms before the layers, rotary positions, gated feed-forward layers, no biases; in two of three
layers a token attends to its neighbours alone.
"""

from __future__ import annotations

from typing import Any

from tasks.experiment.model import Model
from tasks.families._bert_fields import language_model_products, longest_input
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

HEADS = ("masked tokens",)
POSITIONS = ("rotary",)
PLAIN_ATTENTION = False  # query, key and value are one product
_LAYERS = ("gated", "no biases")
# Warner et al. 2024; tiny and mini are those of BERT's miniatures
_SIZES = {
    "tiny": (2, 128, 2),
    "mini": (4, 256, 4),
    "base": (22, 768, 12, 1152),
    "large": (28, 1024, 16, 2624),
}


def configure(model: Model, tokenizer: Any, dropout: float) -> Any:
    """The configuration of an encoder that reads the tokens of a tokenizer.

    A gated layer has three matrices where others have two: its default width gives as many weights.
    """
    from transformers import ModernBertConfig

    return ModernBertConfig(
        vocab_size=len(tokenizer),
        hidden_size=model.hidden_size,
        intermediate_size=model.intermediate_size or 8 * model.hidden_size // 3,
        num_hidden_layers=model.layers,
        num_attention_heads=model.heads,
        max_position_embeddings=model.max_positions,
        initializer_range=model.initializer_range,
        classifier_pooling="mean",
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.cls_token_id,
        eos_token_id=tokenizer.sep_token_id,
        cls_token_id=tokenizer.cls_token_id,
        sep_token_id=tokenizer.sep_token_id,
        **_dropout(dropout),
    )


def _dropout(probability: float) -> dict[str, float]:
    return {
        "attention_dropout": probability,
        "embedding_dropout": probability,
        "mlp_dropout": probability,
        "classifier_dropout": probability,
    }


def dropout(probability: float) -> dict[str, float]:
    """The fields of a configuration that set the dropout."""
    return _dropout(probability)


def language_model_head(model: Any) -> Any:
    """Transform; the projection to the vocabulary follows."""
    return model.head


def encoder_flops(config: Any, rows: int, length: int) -> float:
    """Operations of a forward pass through the encoder, masked scores included."""
    gate = [(rows * length, config.hidden_size, config.intermediate_size)]
    return config.num_hidden_layers * flops.of_products(gate) + flops.of_transformer(
        config.num_hidden_layers, config.hidden_size, config.intermediate_size, rows, length
    )


def encoder_bytes(config: Any, length: int, *, bf16: bool, plain_attention: bool) -> int:
    """Memory of one row in the encoder; the gate is as wide as the layer that it gates."""
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
