"""RoBERTa (Liu et al., 2019): its configuration and its cost."""

from __future__ import annotations

from typing import Any

from tasks.experiment.model import Model
from tasks.training.flops import of_transformer

HEADS = ("masked tokens",)


def configure(model: Model, tokenizer: Any, dropout: float) -> Any:
    """The configuration of an encoder that reads the tokens of a tokenizer."""
    from transformers import RobertaConfig

    return RobertaConfig(
        vocab_size=len(tokenizer),
        hidden_size=model.hidden_size,
        num_hidden_layers=model.layers,
        num_attention_heads=model.heads,
        intermediate_size=model.intermediate_size or 4 * model.hidden_size,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
        initializer_range=model.initializer_range,
        pad_token_id=tokenizer.pad_token_id,
        # RoBERTa numbers positions from the padding's token on, which takes part of the table.
        max_position_embeddings=model.max_positions + tokenizer.pad_token_id + 1,
        layer_norm_eps=1e-5,
        type_vocab_size=1,
        bos_token_id=tokenizer.cls_token_id,
        eos_token_id=tokenizer.sep_token_id,
    )


def encoder_flops(config: Any, rows: int, length: int) -> float:
    """Operations of a forward pass through the encoder."""
    return of_transformer(
        config.num_hidden_layers, config.hidden_size, config.intermediate_size, rows, length
    )
