"""A pre-trained encoder that reads texts, to be probed; or the same with random weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import AutoTokenizer

from tasks.experiment import choices
from tasks.experiment.problem import FineTuning
from tasks.models.bodies import fit_tokenizer, load_encoder, new_classifier
from tasks.problems import Problem
from tasks.problems.windows.cutting import STRIDE


def read_body(
    kind: Problem, body: Path, labels: Sequence[str], longest: int, seed: int, *, weights: bool
) -> tuple[Any, Any]:
    """The encoder with a new head that is not used, in evaluation mode; and its tokenizer.

    Args:
        kind: the problem.
        body: folder of the encoder and its tokenizer.
        labels: of the data.
        longest: tokens of the longest input.
        seed: of random weights.
        weights: whether the weights are those of the encoder.
    """
    tokenizer = AutoTokenizer.from_pretrained(body, local_files_only=True, trust_remote_code=False)
    tokenizer.model_max_length = longest
    tokenizer.init_kwargs.pop(STRIDE, None)  # of what the encoder was tuned for before
    model = new_classifier(kind, body, labels, FineTuning(max_length=longest), seed)
    fit_tokenizer(tokenizer, model.config)
    if weights:
        load_encoder(model, body)
    return model.eval().to("cuda" if torch.cuda.is_available() else "cpu"), tokenizer


def place_read(model: Any, filled: Tensor) -> Tensor:
    """The last token of a decoder, which has seen all others; else the first one."""
    if choices.is_decoder(model.config.model_type):
        return filled.sum(dim=1).long() - 1
    return torch.zeros(len(filled), dtype=torch.long, device=filled.device)
