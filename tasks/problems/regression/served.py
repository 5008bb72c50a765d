"""The fine-tuned model as MLflow serves it: texts or pairs in, numbers out, as evaluated.

MLflow copies this file and those of COPIED into the model, and loads them where Temper is not
installed: they import only torch, transformers and pandas. MLflow's own way of serving such a model
evaluates a text that looks like a Python literal, and fails on one that is longer than the model's
input.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from ..windows.reading import scores_of

COPIED = ("windows/cutting.py", "windows/reading.py")  # beside it, in this package


def together(scores: Tensor) -> Tensor:
    """The mean of the numbers of windows.

    Args:
        scores: of shape (..., windows, 1).
    """
    return scores.mean(-2)


class Scorer:
    """A model and its tokenizer, from the folder of a model in MLflow."""

    def __init__(self, folder: Path) -> None:
        model = AutoModelForSequenceClassification.from_pretrained(folder / "model")
        self.model: Any = model.eval()
        tokenizer = folder / "components" / "tokenizer"
        self.tokenizer: Any = AutoTokenizer.from_pretrained(tokenizer)
        self.names: list[str] = getattr(model.config, "input_columns", None) or ["text"]

    @torch.no_grad()
    def predict(self, data: Any) -> pd.DataFrame:
        """The `number` of each row, in the unit of the rows that the model was fine-tuned on.

        A text is truncated at the longest input that the model was fine-tuned with; or its number
        is the mean of those of its windows, if that was chosen.

        Args:
            data: Texts; for a model of pairs, a table with the columns `text` and `second_text`.
        """
        numbers = []
        for texts in rows_of(data, self.names):
            numbers.append(float(scores_of(self.model, self.tokenizer, texts, together)[0]))
        return pd.DataFrame({"number": numbers})


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


def _load_pyfunc(path: str, _model_config: Any = None) -> Scorer:
    """Load a model; MLflow calls it with the folder of the model."""
    return Scorer(Path(path))
