"""ELECTRA (Clark et al., 2020): its configuration and its cost.

It is trained to predict which tokens a small generator replaced (section 2), or to predict hidden
tokens, as its generator is. A published discriminator is fine-tuned like any other encoder.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from tasks.experiment.model import Model
from tasks.families._bert_fields import dropout as bert_dropout
from tasks.families._bert_fields import (
    encoder_bytes,
    language_model_products,
    longest_input,
    sizes,
)
from tasks.training import flops
from tasks.training.flops import Product

__all__ = [
    "HEADS",
    "PLAIN_ATTENTION",
    "configure",
    "detection_products",
    "dropout",
    "encoder_bytes",
    "encoder_flops",
    "generator",
    "language_model_head",
    "language_model_products",
    "longest_input",
]

HEADS = ("masked tokens", "replaced tokens")
PLAIN_ATTENTION = True
# Clark et al. 2020, its embeddings as wide as its layers; tiny is that of BERT's miniatures
_SIZES = {
    "tiny": (2, 128, 2),
    "small": (12, 256, 4),
    "base": (12, 768, 12),
    "large": (24, 1024, 16),
}
GENERATOR = 0.25  # the width of the generator's layers; a quarter to a half is best (section 3.2)


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


def generator(config: Any) -> Any:
    """The configuration of the generator for a discriminator: as deep and narrower.

    Its embeddings are as wide as the discriminator's, which it shares.
    """
    heads = max(1, int(GENERATOR * config.num_attention_heads))
    width = max(1, int(GENERATOR * config.hidden_size))
    small = deepcopy(config)
    small.update(
        {
            "hidden_size": -(-width // heads) * heads,
            "num_attention_heads": heads,
            "intermediate_size": max(1, int(GENERATOR * config.intermediate_size)),
        }
    )
    return small


def language_model_head(model: Any) -> Any:
    """Transform to the width of the embeddings; the projection to the vocabulary follows."""
    return model.generator_predictions


def detection_products(config: Any, positions: int) -> list[Product]:
    """Transform, and projection to one number: whether a token was replaced."""
    width = config.hidden_size
    return [(positions, width, width), (positions, width, 1)]


def encoder_flops(config: Any, rows: int, length: int) -> float:
    """Operations of a forward pass through the encoder; narrower embeddings are widened first."""
    narrow, width = config.embedding_size, config.hidden_size
    widened = [] if narrow == width else [(rows * length, narrow, width)]
    return flops.of_products(widened) + flops.of_transformer(
        config.num_hidden_layers, width, config.intermediate_size, rows, length
    )
