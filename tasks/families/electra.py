"""ELECTRA (Clark et al., 2020): its configuration and its cost.

From random weights it is trained to predict hidden tokens, as its generator is. A published
discriminator is fine-tuned like any other encoder.
"""

from __future__ import annotations

from typing import Any

from tasks.experiment.model import Model
from tasks.families._bert_fields import dropout as bert_dropout
from tasks.families._bert_fields import (
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

HEADS = ("masked tokens",)
PLAIN_ATTENTION = True


def configure(model: Model, tokenizer: Any, dropout: float) -> Any:
    """The configuration of an encoder that reads the tokens of a tokenizer."""
    from transformers import ElectraConfig

    return ElectraConfig(
        **sizes(model, tokenizer, dropout),
        embedding_size=model.hidden_size,
        max_position_embeddings=model.max_positions,
        summary_last_dropout=dropout,
    )


def dropout(probability: float) -> dict[str, float]:
    """The fields of a configuration that set the dropout."""
    return bert_dropout(probability) | {"summary_last_dropout": probability}


def language_model_head(model: Any) -> Any:
    """Transform to the width of the embeddings; the projection to the vocabulary follows."""
    return model.generator_predictions
