"""DeBERTa (He et al., 2021; DeBERTaV3: 2023): its configuration and its cost.

Attention knows how far two tokens are apart: beside their contents it compares the content of one
with the distance to the other, both ways.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tasks.experiment.model import Model
from tasks.families._bert_fields import dropout as bert_dropout
from tasks.families._bert_fields import encoder_bytes, language_model_products, sizes
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
PLAIN_ATTENTION = False
_LAYERS = ("relative positions",)
# He et al. 2021 and 2023 (xsmall to large are of version 3); tiny is that of BERT's miniatures
_SIZES = {
    "tiny": (2, 128, 2),
    "xsmall": (12, 384, 6),
    "small": (6, 768, 12),
    "base": (12, 768, 12),
    "large": (24, 1024, 16),
    "xlarge": (24, 1536, 24),
    "xxlarge": (48, 1536, 24),
}


def configure(model: Model, tokenizer: Any, dropout: float) -> Any:
    """The configuration of an encoder that reads the tokens of a tokenizer, with V3's attention."""
    from transformers import DebertaV2Config

    return DebertaV2Config(
        **sizes(model, tokenizer, dropout),
        max_position_embeddings=model.max_positions,
        relative_attention=True,
        max_relative_positions=model.max_positions,
        position_biased_input=False,
        pos_att_type=["p2c", "c2p"],
        share_att_key=True,
        norm_rel_ebd="layer_norm",
        position_buckets=min(256, model.max_positions // 2),
        pooler_dropout=dropout,
    )


def dropout(probability: float) -> dict[str, float]:
    """The fields of a configuration that set the dropout."""
    named = bert_dropout(probability)
    named["cls_dropout"] = named.pop("classifier_dropout")
    return named | {"pooler_dropout": probability}


def longest_input(config: Mapping[str, Any]) -> int | None:
    """Tokens that a model can read at once; distances alone set no limit."""
    longest = config.get("max_position_embeddings")
    limited = bool(config.get("position_biased_input", True))
    return longest if limited and isinstance(longest, int) else None


def language_model_head(model: Any) -> Any:
    """Transform and projection to the vocabulary."""
    return model.cls.predictions


def encoder_flops(config: Any, rows: int, length: int) -> float:
    """Operations of a forward pass through the encoder, with the comparisons of distances."""
    distances = 2 * getattr(config, "position_buckets", 0)
    width, heads = config.hidden_size, len(config.pos_att_type or ())
    layer = flops.of_products(
        [(distances, width, heads * width), (rows * length, distances, heads * width)]
    )
    return config.num_hidden_layers * layer + flops.of_transformer(
        config.num_hidden_layers, width, config.intermediate_size, rows, length
    )
