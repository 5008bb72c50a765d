"""BERT (Devlin et al., 2019): its configuration and its cost."""

from __future__ import annotations

from typing import Any

from tasks.experiment.model import Model
from tasks.families._bert_fields import (
    dropout,
    encoder_bytes,
    encoder_flops,
    language_model_products,
    longest_input,
    sizes,
)

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

HEADS = ("masked tokens", "sentence pairs")
PLAIN_ATTENTION = True
# Devlin et al. 2019; the miniatures are of Turc et al. 2019, "Well-Read Students Learn Better"
_SIZES = {
    "tiny": (2, 128, 2),
    "mini": (4, 256, 4),
    "small": (4, 512, 8),
    "medium": (8, 512, 8),
    "base": (12, 768, 12),
    "large": (24, 1024, 16),
}


def configure(model: Model, tokenizer: Any, dropout: float) -> Any:
    """The configuration of an encoder that reads the tokens of a tokenizer."""
    from transformers import BertConfig

    return BertConfig(
        **sizes(model, tokenizer, dropout),
        max_position_embeddings=model.max_positions,
    )


def language_model_head(model: Any) -> Any:
    """Transform and projection to the vocabulary."""
    return model.cls.predictions
