"""BERT and its kin: configuration and cost."""

from __future__ import annotations

from typing import Any

from transformers import BertConfig, PretrainedConfig, RobertaConfig
from transformers import PreTrainedTokenizerBase as AnyTokenizer

from tasks.experiment.model import Model
from tasks.training.flops import of_products


def bert_encoder(config: Any, rows: int, length: int) -> float:
    """Operations of a forward pass through the encoder of BERT, and of RoBERTa, which is the same.

    Args:
        config: of the model.
        rows: sequences.
        length: tokens in each, with padding.
    """
    tokens, width = rows * length, config.hidden_size
    layer = [
        (tokens, width, 4 * width),  # queries, keys, values, and the output
        (tokens, width, 2 * config.intermediate_size),  # up, and down
        (tokens, length, 2 * width),  # scores, and the weighted values: over all heads
    ]
    return config.num_hidden_layers * of_products(layer)


def configure(model: Model, tokenizer: AnyTokenizer, dropout: float) -> PretrainedConfig:
    """The configuration of a body that reads the tokens of a tokenizer."""
    shared: dict[str, Any] = {
        "vocab_size": len(tokenizer),
        "hidden_size": model.hidden_size,
        "num_hidden_layers": model.layers,
        "num_attention_heads": model.heads,
        "intermediate_size": model.intermediate_size or 4 * model.hidden_size,
        "hidden_dropout_prob": dropout,
        "attention_probs_dropout_prob": dropout,
        "initializer_range": model.initializer_range,
        "pad_token_id": tokenizer.pad_token_id,
    }
    if model.family == "bert":
        return BertConfig(**shared, max_position_embeddings=model.max_positions)
    return RobertaConfig(
        **shared,
        # RoBERTa numbers positions from the padding's token on, which takes part of the table.
        max_position_embeddings=model.max_positions + tokenizer.pad_token_id + 1,
        layer_norm_eps=1e-5,
        type_vocab_size=1,
        bos_token_id=tokenizer.cls_token_id,
        eos_token_id=tokenizer.sep_token_id,
    )
