"""Text classification: one label for each text.

Macro-F1 is sklearn's `f1_score(average="macro", zero_division=0)`: the mean over the labels that
occur in the test or among the predictions. A label with training rows that is neither in the test
nor predicted does not count.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy.special import log_softmax
from transformers import AutoModelForSequenceClassification

from tasks.data.text.length_buckets import Batch, Example, inputs_of
from tasks.experiment import choices

if TYPE_CHECKING:
    from tasks.training.flops import Product

CUT = "texts_cut_short"
AUTO_MODEL: Any = AutoModelForSequenceClassification
PIPELINE = "text-classification"
LOSS = "cross-entropy, nats"
INFERENCE: dict[str, Any] = {"truncation": True}  # at the longest input, as `encode`
SERVED = "tasks.problems.text_classification.served"


def encode(rows: pd.DataFrame, tokenizer: Any, labels: Sequence[str]) -> list[Example]:
    """Tokens of each text, truncated at the longest input, and the number of its label."""
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
    """The products of a dense layer and of the label scores, for each text.

    A decoder has no such layer, and scores each token; the last one of a text counts.
    """
    number, width = len(batch["input_ids"]), config.hidden_size
    if "next tokens" in choices.words_of("families", config.model_type, "HEADS"):
        return [(batch["input_ids"].numel(), width, config.num_labels)]
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
    """The most likely label of each text, its probability, and -log of the true label's."""
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
