"""How a served model of texts or pairs reads its rows, and each text: truncated, or in windows.

MLflow copies this file into models that are served, and loads it where Temper is not installed: it
imports only torch, transformers and pandas. MLflow's own way of serving such a model evaluates a
text that looks like a Python literal, and fails on one that is longer than the model's input.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from .cutting import reads_windows, whole_texts, windows_in


class TextModel(ABC):
    """A model of texts or pairs and its tokenizer, from the folder of a model in MLflow."""

    def __init__(self, folder: Path) -> None:
        model = AutoModelForSequenceClassification.from_pretrained(folder / "model")
        self.model: Any = model.eval()
        tokenizer = folder / "components" / "tokenizer"
        self.tokenizer: Any = AutoTokenizer.from_pretrained(tokenizer)
        self.names: list[str] = getattr(model.config, "input_columns", None) or ["text"]

    @abstractmethod
    def predict(self, data: Any) -> Any:
        """The answers to the rows of an input as MLflow gives it."""

    @torch.no_grad()
    def scores(self, data: Any, together: Callable[[Tensor], Tensor]) -> list[Tensor]:
        """The scores of each row: see `rows_of` and `scores_of`."""
        rows = rows_of(data, self.names)
        return [scores_of(self.model, self.tokenizer, texts, together) for texts in rows]


def rows_of(data: Any, names: Sequence[str]) -> list[list[str]]:
    """The texts of each row of an input as MLflow gives it: a table, an array, a list.

    Args:
        data: The input. Columns count by name, or else by their order.
        names: The columns that the model reads.

    Raises:
        ValueError: a column is missing, or a row has no text.
    """
    if isinstance(data, str):
        data = [data]
    table = data if isinstance(data, pd.DataFrame) else pd.DataFrame(data)
    if table.empty:
        return []
    if not set(names) <= set(table.columns):
        if table.shape[1] < len(names):
            raise ValueError(f"found {table.shape[1]} column; accepted: {' and '.join(names)}")
        table = table.iloc[:, : len(names)].set_axis(list(names), axis=1)
    rows = list(table[list(names)].itertuples(index=False))
    for number, row in enumerate(rows, 1):
        if any(pd.isna(text) for text in row):
            raise ValueError(f"row {number} has no text; accepted: {' and '.join(names)}")
    return [[str(text) for text in row] for row in rows]


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
