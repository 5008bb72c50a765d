"""RoBERTa (Liu et al., 2019): its configuration and its cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tasks.experiment.model import Model
from tasks.families._bert_fields import (
    dropout,
    encoder_bytes,
    encoder_flops,
    language_model_products,
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
# Liu et al. 2019; tiny and mini are those of BERT's miniatures
_SIZES = {
    "tiny": (2, 128, 2),
    "mini": (4, 256, 4),
    "base": (12, 768, 12),
    "large": (24, 1024, 16),
}


def configure(model: Model, tokenizer: Any, dropout: float) -> Any:
    """The configuration of an encoder that reads the tokens of a tokenizer."""
    from transformers import RobertaConfig

    return RobertaConfig(
        **sizes(model, tokenizer, dropout),
        # RoBERTa numbers positions from pad_token_id + 1, which uses a part of the table.
        max_position_embeddings=model.max_positions + tokenizer.pad_token_id + 1,
        layer_norm_eps=1e-5,
        type_vocab_size=1,
        bos_token_id=tokenizer.cls_token_id,
        eos_token_id=tokenizer.sep_token_id,
    )


def longest_input(config: Mapping[str, Any]) -> int | None:
    """Tokens that a model can read at once; it numbers them from pad_token_id + 1."""
    longest = config.get("max_position_embeddings")
    if not isinstance(longest, int):
        return None
    return longest - int(config.get("pad_token_id") or 0) - 1


def language_model_head(model: Any) -> Any:
    """Transform and projection to the vocabulary."""
    return model.lm_head
