"""Pre-training that continues from a given model: its configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tasks import families
from tasks.contract import StageError
from tasks.models.bodies import read_configuration


def given_configuration(folder: Path, dropout: float, vocabulary: int) -> Any:
    """The configuration of the model in a folder, with another dropout.

    Args:
        folder: with its config.json.
        dropout: probability in training.
        vocabulary: entries of the tokenizer that its tokens come from.

    Raises:
        StageError: the library cannot read it, or the tokenizer has more entries than the model.
    """
    config = read_configuration(folder)
    if vocabulary > config.vocab_size:
        raise StageError(
            f"the tokenizer has {vocabulary:,} entries, but the model to start from has rows for "
            f"{config.vocab_size:,}: give a model with the tokenizer that it was trained with"
        )
    config.update(families.load(config.model_type).dropout(dropout))
    return config
