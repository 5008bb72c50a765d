"""What GPT-2, Llama and other decoders share: a head that is one product, and a separator.

The name begins with `_`: it is no family of its own.
"""

from __future__ import annotations

from typing import Any

from tasks.training.flops import Product


def special_tokens(tokenizer: Any) -> dict[str, int]:
    """The special tokens of a configuration: a document begins and ends with the separator."""
    return {
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.sep_token_id,
        "eos_token_id": tokenizer.sep_token_id,
    }


def language_model_head(model: Any) -> Any:
    """Projection to the vocabulary."""
    return model.lm_head


def language_model_products(config: Any, positions: int) -> list[Product]:
    """Projection to the vocabulary."""
    return [(positions, config.hidden_size, config.vocab_size)]
