"""DistilBERT (Sanh et al., 2019): its configuration and its cost."""

from __future__ import annotations

from typing import Any

from tasks.experiment.model import Model
from tasks.families._bert_fields import language_model_products, longest_input
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

HEADS = ("masked tokens",)
PLAIN_ATTENTION = False
# Sanh et al. 2019; tiny and mini are those of BERT's miniatures
_SIZES = {
    "tiny": (2, 128, 2),
    "mini": (4, 256, 4),
    "base": (6, 768, 12),
}


def configure(model: Model, tokenizer: Any, dropout: float) -> Any:
    """The configuration of an encoder that reads the tokens of a tokenizer."""
    from transformers import DistilBertConfig

    return DistilBertConfig(
        vocab_size=len(tokenizer),
        dim=model.hidden_size,
        n_layers=model.layers,
        n_heads=model.heads,
        hidden_dim=model.intermediate_size or 4 * model.hidden_size,
        dropout=dropout,
        attention_dropout=dropout,
        initializer_range=model.initializer_range,
        pad_token_id=tokenizer.pad_token_id,
        max_position_embeddings=model.max_positions,
    )


def dropout(probability: float) -> dict[str, float]:
    """The fields of a configuration that set the dropout."""
    return {
        "dropout": probability,
        "attention_dropout": probability,
        "seq_classif_dropout": probability,
        "qa_dropout": probability,
    }


def language_model_head(model: Any) -> Any:
    """Transform; the projection to the vocabulary follows."""
    return model.vocab_transform


def encoder_flops(config: Any, rows: int, length: int) -> float:
    """Operations of a forward pass through the encoder."""
    return flops.of_transformer(config.n_layers, config.dim, config.hidden_dim, rows, length)


def encoder_bytes(config: Any, length: int, *, bf16: bool, plain_attention: bool) -> int:
    """Memory of one row in the encoder."""
    return memory.of_transformer(
        config.n_layers,
        config.dim,
        config.hidden_dim,
        config.n_heads,
        length=length,
        dropout=config.attention_dropout > 0,
        bf16=bf16,
        plain_attention=plain_attention,
    )
