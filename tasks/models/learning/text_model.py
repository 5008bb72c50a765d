"""A model and a tokenizer for a problem on text, as fine-tuning begins with them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer

from tasks.experiment.problem import FineTuning
from tasks.models.bodies import fit_tokenizer, load_encoder, new_classifier
from tasks.problems import Problem


def text_model(
    kind: Problem,
    labels: Sequence[str],
    training: FineTuning,
    seed: int,
    *,
    train: Path,
    body: Path | None,
    architecture: Path,
) -> tuple[Any, Any]:
    """The model, and the tokenizer that encodes rows for it.

    Args:
        kind: the problem.
        labels: the answers.
        training: how it is trained: its longest input and its dropout.
        seed: of random weights.
        train: file with all rows to train on.
        body: pre-trained model whose encoder is taken; None for random weights.
        architecture: folder with the configuration and the tokenizer.

    Raises:
        StageError: `max_length` is more than the model can read, or the weights do not fit.
    """
    tokenizer = AutoTokenizer.from_pretrained(
        architecture, local_files_only=True, trust_remote_code=False
    )
    tokenizer.model_max_length = training.max_length
    kind.configure(tokenizer, training, train)
    model = new_classifier(kind, architecture, labels, training, seed)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.convert_ids_to_tokens(model.config.pad_token_id)
    fit_tokenizer(tokenizer, model.config)
    if body is not None:
        load_encoder(model, body)
    return model, tokenizer
