"""Several labels: each label is a question of its own, answered with yes above a half."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy.special import expit
from torch.nn.functional import binary_cross_entropy_with_logits
from transformers import AutoModelForSequenceClassification

from tasks.data.text.length_buckets import Batch, Example, inputs_of
from tasks.problems import MADE_UP_LABELS
from tasks.problems.several_labels.served import THRESHOLD, together
from tasks.problems.text_inputs import CUT, asked, encode_texts, head, texts
from tasks.problems.windows.texts import configure, mean_loss, of_rows, with_weights

__all__ = ["CUT", "configure", "head", "texts", "together"]

AUTO_MODEL: Any = AutoModelForSequenceClassification
PIPELINE = "text-classification"
LOSS = "cross-entropy of a label, nats"
INFERENCE: dict[str, Any] = {"function_to_apply": "sigmoid", "top_k": None, "truncation": True}
SERVED = "tasks.problems.several_labels.served"
SMOOTHS = True


def encode(rows: pd.DataFrame, tokenizer: Any, labels: Sequence[str]) -> list[Example]:
    """Tokens of each row, truncated or in windows, and 1 or 0 for each label."""
    chosen = (set(each) for each in rows["label"])
    answers = ([float(label in each) for label in labels] for each in chosen)
    return encode_texts(rows, tokenizer, answers)


def any_truth(given: Any, labels: Sequence[str]) -> list[str]:
    """No label, for a row whose truth is unknown."""
    return []


def collate(examples: Sequence[Example], pad_id: int) -> Batch:
    """Rows as a batch; `labels` of shape (rows, labels), or of windows with their weights."""
    labels = torch.tensor([list(example.labels) for example in examples], dtype=torch.float32)
    return {**inputs_of(examples, pad_id), "labels": with_weights(labels, examples)}


def loss(model: Any, batch: Batch) -> torch.Tensor:
    """The mean cross-entropy of labels in nats; the windows of a row weigh as much as any row."""
    return mean_loss(
        model,
        batch,
        lambda scores, labels: binary_cross_entropy_with_logits(
            scores, labels, reduction="none"
        ).mean(-1),
    )


def made_up(length: int) -> Example:
    """A text with all of the labels of a model that measures time."""
    return Example([0] * length, [1.0] * MADE_UP_LABELS)


def decide(
    rows: pd.DataFrame,
    examples: Sequence[Example],
    logits: Sequence[NDArray[np.float32]],
    labels: Sequence[str],
) -> pd.DataFrame:
    """The labels of each row, the probability of each of them, and the mean loss of all labels.

    The probabilities of a row in windows are the means of those of its windows.
    """
    firsts, logits = of_rows(examples, logits, together)
    scores = np.stack(logits).astype(np.float64)
    shares = expit(scores)
    true = np.array([example.labels for example in firsts], dtype=np.float64)
    chosen = [np.flatnonzero(row > THRESHOLD).tolist() for row in shares]
    return pd.DataFrame(
        {
            **asked(rows),
            "gold": [list(each) for each in rows["label"]],
            "predicted": [[labels[i] for i in each] for each in chosen],
            "probability": [row[each].tolist() for row, each in zip(shares, chosen, strict=True)],
            "loss": (np.logaddexp(0, scores) - true * scores).mean(axis=1),
        }
    )
