"""The fine-tuned model as MLflow serves it: texts or pairs in, labels and their probabilities out.

MLflow copies this file and those of COPIED into the model, and loads them where Temper is not
installed: they import only torch, transformers and pandas. MLflow's own way of serving such a model
evaluates a text that looks like a Python literal, and fails on one that is longer than the model's
input.
"""

from __future__ import annotations

import math
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
    """The logarithms of the mean probabilities of windows.

    Args:
        scores: of shape (..., windows, labels).
    """
    return scores.log_softmax(-1).logsumexp(-2) - math.log(scores.shape[-2])


class Classifier:
    """A model and its tokenizer, from the folder of a model in MLflow."""

    def __init__(self, folder: Path) -> None:
        model = AutoModelForSequenceClassification.from_pretrained(folder / "model")
        self.model: Any = model.eval()
        tokenizer = folder / "components" / "tokenizer"
        self.tokenizer: Any = AutoTokenizer.from_pretrained(tokenizer)
        self.names: list[str] = getattr(model.config, "input_columns", None) or ["text"]

    @torch.no_grad()
    def predict(self, data: Any) -> pd.DataFrame:
        """The most likely `label` of each row, and its probability as `score`.

        A text is truncated at the longest input that the model was fine-tuned with; or its label
        is that of the mean probabilities of its windows, if that was chosen.

        Args:
            data: Texts; for a model of pairs, a table with the columns `text` and `second_text`.
        """
        labels, rows = self.model.config.id2label, []
        for texts in rows_of(data, self.names):
            scores = scores_of(self.model, self.tokenizer, texts, together)
            score, best = scores.softmax(-1).max(-1)
            rows.append({"label": labels[int(best)], "score": float(score)})
        return pd.DataFrame(rows, columns=["label", "score"])


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


def _load_pyfunc(path: str, _model_config: Any = None) -> Classifier:
    """Load a model; MLflow calls it with the folder of the model."""
    return Classifier(Path(path))
