"""The fine-tuned model as MLflow serves it: texts in, labels and probabilities out, as evaluated.

MLflow copies this file into the model and loads it where Temper is not installed: it imports only
torch, transformers and pandas. MLflow's own way of serving such a model evaluates a text that looks
like a Python literal, and fails on one that is longer than the model's input.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer


class Classifier:
    """A model and its tokenizer, from the folder of a model in MLflow."""

    def __init__(self, folder: Path) -> None:
        model = AutoModelForSequenceClassification.from_pretrained(folder / "model")
        self.model: Any = model.eval()
        tokenizer = folder / "components" / "tokenizer"
        self.tokenizer: Any = AutoTokenizer.from_pretrained(tokenizer)

    @torch.no_grad()
    def predict(self, data: Any) -> pd.DataFrame:
        """The most likely `label` of each text, and its probability as `score`.

        A text is truncated at the longest input that the model was fine-tuned with.

        Args:
            data: Texts.
        """
        labels, rows = self.model.config.id2label, []
        for text in texts_of(data):
            given = self.tokenizer(text, truncation=True, return_tensors="pt")
            score, best = self.model(**given).logits[0].float().softmax(-1).max(-1)
            rows.append({"label": labels[int(best)], "score": float(score)})
        return pd.DataFrame(rows, columns=["label", "score"])


def texts_of(data: Any) -> list[str]:
    """The texts of an input as MLflow gives it: a table of one column, an array, a list."""
    if isinstance(data, pd.DataFrame):
        data = data.iloc[:, 0]
    return [data] if isinstance(data, str) else [str(text) for text in data]


def _load_pyfunc(path: str, _model_config: Any = None) -> Classifier:
    """Load a model; MLflow calls it with the folder of the model."""
    return Classifier(Path(path))
