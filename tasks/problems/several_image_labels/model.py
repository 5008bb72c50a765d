"""Several image labels: each label is a question of its own, answered with yes above a half."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy.special import expit

from tasks.data.images.augmentation import to_tensor
from tasks.problems.image_classification import model as one_label
from tasks.problems.image_classification.model import (
    AUTO_MODEL,
    CUT,
    PIPELINE,
    READER,
    Batch,
    ImageExample,
    texts,
)
from tasks.problems.several_labels import model as of_texts
from tasks.problems.several_labels.model import LOSS, any_truth

__all__ = ["AUTO_MODEL", "CUT", "LOSS", "PIPELINE", "READER", "any_truth", "texts"]

INFERENCE: Mapping[str, Any] = {"function_to_apply": "sigmoid", "top_k": None}
SERVED = "tasks.problems.several_image_labels.served"
SURE = "sure"  # column of `decide`: the probability of the least certain yes or no


def complete(rows: pd.DataFrame, data: Path, split: str) -> pd.DataFrame:
    """The rows with their pictures, which are stored beside the table, and labels as lists."""
    found = one_label.complete(rows, data, split)
    return found.assign(label=[json.loads(each) for each in rows["label"]])


def encode(rows: pd.DataFrame, tokenizer: Any, labels: Sequence[str]) -> list[ImageExample]:
    """Each picture, and 1 or 0 for each label."""
    chosen = (set(each) for each in rows["label"])
    answers = ([float(label in each) for label in labels] for each in chosen)
    return [ImageExample(*each) for each in zip(rows["pixels"], answers, strict=True)]


def collate(examples: Sequence[ImageExample], pad_id: int) -> Batch:
    """Pictures as a batch: `pixel_values` as of one label, `labels` of shape (pictures, labels)."""
    return {
        "pixel_values": to_tensor([example.pixels for example in examples]),
        "labels": torch.tensor([list(each.labels) for each in examples], dtype=torch.float32),
    }


def decide(
    rows: pd.DataFrame,
    examples: Sequence[Any],
    logits: Sequence[NDArray[np.float32]],
    labels: Sequence[str],
) -> pd.DataFrame:
    """As of texts: labels, the probability of each and the mean loss; and how sure the answer is.

    The column SURE has the probability of the yes or no that is the least certain.
    """
    found = of_texts.decide(rows.rename(columns={"image": "text"}), examples, logits, labels)
    shares = expit(np.abs(np.stack(logits).astype(np.float64)))
    return found.rename(columns={"text": "image"}).assign(**{SURE: shares.min(axis=1)})


def keep(rows: pd.DataFrame, answers: pd.DataFrame, out: Path) -> None:
    """Keep answers with their pictures for the page, as of one label: labels are in one line."""
    gold, predicted = ([", ".join(e) or "none" for e in answers[n]] for n in ("gold", "predicted"))
    spelled = answers.assign(gold=gold, predicted=predicted, probability=answers[SURE])
    one_label.keep(rows, spelled, out)
