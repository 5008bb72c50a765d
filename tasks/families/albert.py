"""ALBERT (Lan et al., 2020): all layers share their weights; its configuration and its cost."""

from __future__ import annotations

from typing import Any

from tasks.experiment.model import Model
from tasks.families._bert_fields import encoder_bytes, language_model_products, longest_input, sizes
from tasks.training import flops

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
PLAIN_ATTENTION = False  # its layers read bf16 already, where the products are in bf16
_LAYERS = ("shared", "narrow embeddings", "no checkpointing")
# Lan et al. 2020; tiny and mini are those of BERT's miniatures
_SIZES = {
    "tiny": (2, 128, 2),
    "mini": (4, 256, 4),
    "base": (12, 768, 12),
    "large": (24, 1024, 16),
    "xlarge": (24, 2048, 16),
    "xxlarge": (12, 4096, 64),
}
WIDEST = 128  # of the embeddings, which a product brings to the width of the layers (section 3.1)


def configure(model: Model, tokenizer: Any, dropout: float) -> Any:
    """The configuration of an encoder that reads the tokens of a tokenizer."""
    from transformers import AlbertConfig

    return AlbertConfig(
        **sizes(model, tokenizer, dropout),
        classifier_dropout_prob=dropout,
        embedding_size=min(WIDEST, model.hidden_size),
        max_position_embeddings=model.max_positions,
        bos_token_id=tokenizer.cls_token_id,
        eos_token_id=tokenizer.sep_token_id,
    )


def dropout(probability: float) -> dict[str, float]:
    """The fields of a configuration that set the dropout."""
    return {
        "hidden_dropout_prob": probability,
        "attention_probs_dropout_prob": probability,
        "classifier_dropout_prob": probability,
    }


def language_model_head(model: Any) -> Any:
    """Transform to the width of the embeddings, and projection to the vocabulary."""
    return model.predictions


def encoder_flops(config: Any, rows: int, length: int) -> float:
    """Operations of a forward pass through the encoder: the shared layer counts for each use."""
    embeddings = flops.of_products([(rows * length, config.embedding_size, config.hidden_size)])
    return embeddings + flops.of_transformer(
        config.num_hidden_layers, config.hidden_size, config.intermediate_size, rows, length
    )
