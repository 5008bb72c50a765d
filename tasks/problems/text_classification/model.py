"""Text classification: one label for each text, or for each pair of texts.

Macro-F1 is sklearn's `f1_score(average="macro", zero_division=0)`: the mean over the labels that
occur in the test or among the predictions. A label with training rows that is neither in the test
nor predicted does not count.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy.special import log_softmax
from torch.nn.functional import cross_entropy
from transformers import AutoModelForSequenceClassification

from tasks.data.text.length_buckets import Batch, Example, inputs_of
from tasks.problems import PROBABILITIES
from tasks.problems.text_classification.served import together
from tasks.problems.text_inputs import CUT, asked, encode_texts, head, texts
from tasks.problems.windows.texts import configure, mean_loss, of_rows, with_weights

__all__ = ["CUT", "configure", "head", "texts", "together"]

AUTO_MODEL: Any = AutoModelForSequenceClassification
PIPELINE = "text-classification"
LOSS = "cross-entropy, nats"
INFERENCE: dict[str, Any] = {"truncation": True}  # at the longest input, as `encode`
SERVED = "tasks.problems.text_classification.served"
SMOOTHS = True


def encode(rows: pd.DataFrame, tokenizer: Any, labels: Sequence[str]) -> list[Example]:
    """Tokens of each row, truncated or in windows, and the number of its label."""
    number = {label: i for i, label in enumerate(labels)}
    return encode_texts(rows, tokenizer, ([number[label]] for label in rows["label"]))


def collate(examples: Sequence[Example], pad_id: int) -> Batch:
    """Texts as a batch; `labels` of shape (texts,), or of windows with their weights."""
    labels = torch.tensor([example.labels[0] for example in examples])
    return {**inputs_of(examples, pad_id), "labels": with_weights(labels, examples)}


def loss(model: Any, batch: Batch) -> torch.Tensor:
    """The mean cross-entropy in nats; the windows of a row weigh as much as any row."""
    return mean_loss(
        model,
        batch,
        lambda scores, labels: cross_entropy(scores, labels.flatten().long(), reduction="none"),
    )


def made_up(length: int) -> Example:
    """A text of the first label."""
    return Example([0] * length, [0])


def decide(
    rows: pd.DataFrame,
    examples: Sequence[Example],
    logits: Sequence[NDArray[np.float32]],
    labels: Sequence[str],
) -> pd.DataFrame:
    """The most likely label of each row, its probability, -log of the true label's, and all.

    The probabilities of a row in windows are the means of those of its windows. The column
    PROBABILITIES has those of all labels, in their order, in fp32.
    """
    firsts, logits = of_rows(examples, logits, together)
    logs = log_softmax(np.stack(logits).astype(np.float64), axis=1)
    best = logs.argmax(axis=1)
    each = np.arange(len(rows))
    return pd.DataFrame(
        {
            **asked(rows),
            "gold": list(rows["label"]),
            "predicted": [labels[i] for i in best],
            "probability": np.exp(logs[each, best]),
            "loss": -logs[each, [int(example.labels[0]) for example in firsts]],
            PROBABILITIES: list(np.exp(logs).astype(np.float32)),
        }
    )
