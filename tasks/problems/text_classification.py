"""Text classification: one label for each text.

Macro-F1 is sklearn's `f1_score(average="macro", zero_division=0)`: the mean over the labels that
occur in the test or among the predictions. A label with training rows that is neither in the test
nor predicted does not count.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy.special import log_softmax
from transformers import AutoModelForSequenceClassification

from tasks.batching import Batch, Example, inputs_of
from tasks.flops import Product
from tasks.scores import f1_score, ratio, score_table

COLUMNS = ("document", "text", "label")
METRICS = {"accuracy": "accuracy", "macro_f1": "macro-F1"}
HEADLINE = "accuracy"
ROWS = "texts"
CUT = "texts_cut_short"
AUTO_MODEL: Any = AutoModelForSequenceClassification
INFERENCE: dict[str, Any] = {}


def encode(rows: pd.DataFrame, tokenizer: Any, labels: Sequence[str]) -> list[Example]:
    """Tokens of each text, cut at the tokenizer's longest input, and the number of its label."""
    number = {label: i for i, label in enumerate(labels)}
    encoded = tokenizer(list(rows["text"]), truncation=True, return_overflowing_tokens=True)
    row_of = np.asarray(encoded["overflow_to_sample_mapping"])
    pieces = np.bincount(row_of, minlength=len(rows))
    first = np.searchsorted(row_of, np.arange(len(rows)))
    return [
        Example(encoded["input_ids"][i], [number[label]], cut=int(pieces[row] > 1))
        for row, (i, label) in enumerate(zip(first, rows["label"], strict=True))
    ]


def collate(examples: Sequence[Example], pad_id: int) -> Batch:
    """Texts as a batch; `labels` of shape (texts,)."""
    labels = torch.tensor([example.labels[0] for example in examples])
    return {**inputs_of(examples, pad_id), "labels": labels}


def head(config: Any, batch: Batch) -> list[Product]:
    """A dense layer and the labels, for each text."""
    number, width = len(batch["input_ids"]), config.hidden_size
    return [(number, width, width), (number, width, config.num_labels)]


def made_up(length: int) -> Example:
    """A text of the first label."""
    return Example([0] * length, [0])


def texts(rows: pd.DataFrame) -> list[str]:
    """The texts themselves."""
    return list(rows["text"])


def decide(
    rows: pd.DataFrame,
    examples: Sequence[Example],
    logits: Sequence[NDArray[np.float32]],
    labels: Sequence[str],
) -> pd.DataFrame:
    """The likeliest label of each text, its probability, and -log of the true label's."""
    logs = log_softmax(np.stack(logits).astype(np.float64), axis=1)
    best = logs.argmax(axis=1)
    each = np.arange(len(rows))
    return pd.DataFrame(
        {
            "document": list(rows["document"]),
            "text": list(rows["text"]),
            "gold": list(rows["label"]),
            "predicted": [labels[i] for i in best],
            "probability": np.exp(logs[each, best]),
            "loss": -logs[each, [example.labels[0] for example in examples]],
        }
    )


def majority(train: pd.DataFrame, test: pd.DataFrame) -> list[str]:
    """The most frequent label in training for each text; of several the first by name."""
    return [train["label"].mode().iloc[0]] * len(test)


def count(
    gold: Iterable[str], predicted: Iterable[str], labels: Sequence[str]
) -> NDArray[np.int64]:
    """Right, predicted and true for each label: shape (texts, 3 × labels)."""
    number = {label: i for i, label in enumerate(labels)}
    true, answer = ([number[label] for label in names] for names in (gold, predicted))
    identity = np.eye(len(labels), dtype=np.int64)
    is_true, is_predicted = identity[true], identity[answer]
    return np.hstack([is_true * is_predicted, is_predicted, is_true])


def measure(sums: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Accuracy and macro-F1 from the sums of `count`, of shape (..., 3 × labels)."""
    right, predicted, true = np.split(sums, 3, axis=-1)
    occurs = (predicted + true) > 0
    return {
        "accuracy": ratio(right.sum(axis=-1), true.sum(axis=-1)),
        "macro_f1": ratio(f1_score(right, predicted, true).sum(axis=-1), occurs.sum(axis=-1)),
    }


def report(gold: Iterable[str], predicted: Iterable[str], labels: Sequence[str]) -> pd.DataFrame:
    """Precision, recall, F1 and support of each label."""
    sums = count(gold, predicted, labels).sum(axis=0).astype(np.float64)
    return score_table(labels, *np.split(sums, 3))


def confusion(
    gold: Iterable[str], predicted: Iterable[str], labels: Sequence[str]
) -> tuple[list[str], NDArray[np.int64]]:
    """The labels, and how often each was predicted for each."""
    number = {label: i for i, label in enumerate(labels)}
    matrix = np.zeros((len(labels), len(labels)), dtype=np.int64)
    np.add.at(matrix, ([number[g] for g in gold], [number[p] for p in predicted]), 1)
    return list(labels), matrix
