"""Texts to batches, and logits to numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from transformers import AutoModelForSequenceClassification

from tasks.data.text.length_buckets import Batch, Example, inputs_of

CUT = "texts_cut_short"
AUTO_MODEL: Any = AutoModelForSequenceClassification
PIPELINE = "text-classification"
INFERENCE = {"function_to_apply": "none", "truncation": True}
SERVED = ""
LOSS = "squared error"


def encode(rows: pd.DataFrame, tokenizer: Any, labels: Sequence[str]) -> list[Example]:
    encoded = tokenizer(list(rows["text"]), truncation=True)["input_ids"]
    return [Example(ids, [float(n)]) for ids, n in zip(encoded, rows["label"], strict=True)]


def collate(examples: Sequence[Example], pad_id: int) -> Batch:
    labels = torch.tensor([example.labels[0] for example in examples], dtype=torch.float32)
    return {**inputs_of(examples, pad_id), "labels": labels}


def head(config: Any, batch: Batch) -> list[Any]:
    number, width = len(batch["input_ids"]), config.hidden_size
    return [(number, width, width), (number, width, 1)]


def made_up(length: int) -> Example:
    return Example([0] * length, [0.0])


def texts(rows: pd.DataFrame) -> list[str]:
    return list(rows["text"])


def decide(
    rows: pd.DataFrame, examples: Sequence[Example], logits: Sequence[Any], labels: Sequence[str]
) -> pd.DataFrame:
    predicted = np.stack(logits).astype(np.float64)[:, 0]
    gold = rows["label"].to_numpy(dtype=np.float64)
    return pd.DataFrame(
        {
            "document": list(rows["document"]),
            "text": list(rows["text"]),
            "gold": gold,
            "predicted": predicted,
            "loss": (predicted - gold) ** 2,
        }
    )
