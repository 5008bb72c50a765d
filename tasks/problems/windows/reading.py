"""How a served model reads a text: truncated, or in windows whose scores are merged.

MLflow copies this file into models that are served: it imports nothing of Temper.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from .cutting import reads_windows, whole_texts, windows_in


def scores_of(
    model: Any, tokenizer: Any, texts: Sequence[str], together: Callable[[Tensor], Tensor]
) -> Tensor:
    """The scores of a row, in fp32: of shape (answers,).

    Args:
        model: of transformers.
        tokenizer: what the model reads with.
        texts: of the row: one, or a pair.
        together: makes scores of shape (windows, answers) those of the row.
    """
    if len(texts) > 1 or not reads_windows(tokenizer):
        given = tokenizer(*texts, truncation=True, return_tensors="pt")
        return _logits(model, dict(given))
    windows = windows_in(tokenizer, whole_texts(tokenizer, texts))
    found = []
    for window in windows:
        ids = torch.tensor([window.input_ids])
        found.append(_logits(model, {"input_ids": ids, "attention_mask": torch.ones_like(ids)}))
    return together(torch.stack(found)) if len(found) > 1 else found[0]


def _logits(model: Any, inputs: dict[str, Tensor]) -> Tensor:
    scores: Tensor = model(**inputs).logits[0].float()
    return scores
