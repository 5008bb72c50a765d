"""Regression: one number for each text, or for each pair of texts.

A model learns standardized numbers: without the mean of the training rows, divided by their
standard deviation. So one learning rate fits scores of any size. At the end, mean and deviation
become a part of the last layer, and the written model answers in the unit of the rows. The last
layer of a decoder has no bias that could hold a mean: its numbers are divided alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from transformers import AutoModelForSequenceClassification

from tasks.data.text.length_buckets import Batch, Example, inputs_of
from tasks.problems.regression.served import together
from tasks.problems.text_inputs import CUT, asked, encode_texts, head, texts
from tasks.problems.windows.texts import configure, mean_loss, of_rows, with_weights

__all__ = ["CUT", "configure", "head", "texts", "together"]

AUTO_MODEL: Any = AutoModelForSequenceClassification
PIPELINE = "text-classification"
LOSS = "squared error, by the variance of the training rows"
INFERENCE: dict[str, Any] = {"function_to_apply": "none", "truncation": True}
SERVED = "tasks.problems.regression.served"


def encode(rows: pd.DataFrame, tokenizer: Any, labels: Sequence[str]) -> list[Example]:
    """Tokens of each row, truncated or in windows, and its number."""
    return encode_texts(rows, tokenizer, ([float(number)] for number in rows["number"]))


def collate(examples: Sequence[Example], pad_id: int) -> Batch:
    """Texts as a batch; `labels` of shape (texts,), or of windows with their weights."""
    labels = torch.tensor([example.labels[0] for example in examples], dtype=torch.float32)
    return {**inputs_of(examples, pad_id), "labels": with_weights(labels, examples)}


def loss(model: Any, batch: Batch) -> torch.Tensor:
    """The mean squared error; the windows of a row weigh as much as any row."""
    return mean_loss(model, batch, lambda scores, labels: (scores[:, 0] - labels[:, 0]) ** 2)


def made_up(length: int) -> Example:
    """A text with the number 0."""
    return Example([0] * length, [0.0])


def scale_of(train: pd.DataFrame, model: Any) -> tuple[float, float]:
    """Mean and standard deviation of the training rows, for a model.

    The deviation is 1 where all numbers are equal, the mean 0 where a model has no place for it.
    """
    numbers = train["number"].to_numpy(dtype=np.float64)
    same = bool((numbers == numbers[0]).all())
    mean = float(numbers[0]) if same else float(numbers.mean())
    deviation = 1.0 if same else float(numbers.std())
    return 0.0 if last_layer(model).bias is None else mean, deviation


def learnt(rows: pd.DataFrame, train: pd.DataFrame, model: Any) -> pd.DataFrame:
    """The rows with standardized numbers."""
    mean, deviation = scale_of(train, model)
    return rows.assign(number=(rows["number"] - mean) / deviation)


def any_truth(given: Any, labels: Sequence[str]) -> float:
    """0, for an input whose number is unknown."""
    return 0.0


@torch.no_grad()
def finish(model: Any, train: pd.DataFrame) -> None:
    """Have a model that learnt standardized numbers answer in the unit of the rows."""
    mean, deviation = scale_of(train, model)
    last = last_layer(model)
    last.weight.copy_(last.weight.double() * deviation)
    if last.bias is not None:
        last.bias.copy_(last.bias.double() * deviation + mean)


def last_layer(model: Any) -> torch.nn.Linear:
    """The linear layer that gives a model's answer."""
    found = [module for module in model.modules() if isinstance(module, torch.nn.Linear)]
    [last] = [layer for layer in found if layer.out_features == 1]
    return last


def decide(
    rows: pd.DataFrame,
    examples: Sequence[Example],
    logits: Sequence[NDArray[np.float32]],
    labels: Sequence[str],
) -> pd.DataFrame:
    """The number that the model gives each row, and its squared error.

    That of a row in windows is the mean of the numbers of its windows.
    """
    _, logits = of_rows(examples, logits, together)
    predicted = np.array([float(each[0]) for each in logits])
    gold = rows["number"].to_numpy(dtype=np.float64)
    return pd.DataFrame(
        {
            **asked(rows),
            "gold": gold,
            "predicted": predicted,
            "loss": (predicted - gold) ** 2,
        }
    )
