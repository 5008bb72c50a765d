"""Image classification: pictures to batches, logits to labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy.special import log_softmax
from transformers import AutoModelForImageClassification

from tasks.data.images.augmentation import to_tensor
from tasks.data.images.pixel_arrays import Pixels, with_pixels
from tasks.problems import PROBABILITIES

AUTO_MODEL: Any = AutoModelForImageClassification
READER = "AutoImageProcessor"
PIPELINE = "image-classification"
LOSS = "cross-entropy, nats"
CUT = "pictures_cut"
INFERENCE: Mapping[str, Any] = {}
SERVED = "tasks.problems.image_classification.served"

Batch = dict[str, torch.Tensor]


@dataclass(frozen=True)
class ImageExample:
    """A picture as a model reads it, and the number of its label.

    Attributes:
        pixels: uint8 [size, size, channels], a view of what is stored.
        labels: one number.
        cut: nothing of a picture is cut.
        places: how much it takes of a batch of inference, in tokens of text.
    """

    pixels: Pixels
    labels: Sequence[float]
    cut: int = 0
    places: int = 16


def complete(rows: pd.DataFrame, data: Path, split: str) -> pd.DataFrame:
    """The rows with their pictures, which are stored beside the table."""
    return with_pixels(rows, data, split)


def encode(rows: pd.DataFrame, reader: Any, labels: Sequence[str]) -> list[ImageExample]:
    """Each picture with the number of its label."""
    number = {label: i for i, label in enumerate(labels)}
    pairs = zip(rows["pixels"], rows["label"], strict=True)
    return [ImageExample(pixels, [number[label]]) for pixels, label in pairs]


def collate(examples: Sequence[ImageExample], pad_id: int) -> Batch:
    """Pictures as a batch: `pixel_values` [pictures, 3, size, size], `labels` [pictures]."""
    return {
        "pixel_values": to_tensor([example.pixels for example in examples]),
        "labels": torch.tensor([int(example.labels[0]) for example in examples]),
    }


def texts(rows: pd.DataFrame) -> list[str]:
    """The names of the pictures."""
    return [str(name) for name in rows["image"]]


def decide(
    rows: pd.DataFrame,
    examples: Sequence[ImageExample],
    logits: Sequence[NDArray[np.float32]],
    labels: Sequence[str],
) -> pd.DataFrame:
    """The most likely label of each picture, its probability, -log of the true label's, and all.

    The column PROBABILITIES has the probabilities of all labels, in their order, in fp32.
    """
    logs = log_softmax(np.stack(logits).astype(np.float64), axis=1)
    best = logs.argmax(axis=1)
    each = np.arange(len(rows))
    return pd.DataFrame(
        {
            "document": list(rows["document"]),
            "image": list(rows["image"]),
            "gold": list(rows["label"]),
            "predicted": [labels[i] for i in best],
            "probability": np.exp(logs[each, best]),
            "loss": -logs[each, [int(example.labels[0]) for example in examples]],
            PROBABILITIES: list(np.exp(logs).astype(np.float32)),
        }
    )


SHOWN = 24  # pictures of right answers, and of wrong ones


def keep(rows: pd.DataFrame, answers: pd.DataFrame, out: Path) -> None:
    """Keep the worst answers and some right ones with their pictures, for the page.

    Writes shown.npy, uint8 [pictures, size, size, channels], and shown.parquet: image, gold,
    predicted, probability, in the same order; wrong ones first, the surest first.
    """
    wrong = (answers["gold"] != answers["predicted"]).to_numpy()
    sure = answers["probability"].to_numpy()
    worst = [i for i in np.argsort(-sure, kind="stable") if wrong[i]][:SHOWN]
    right = [i for i in range(len(answers)) if not wrong[i]]
    some = right[:: max(1, len(right) // SHOWN)][:SHOWN]
    chosen = [*worst, *some]
    np.save(out / "shown.npy", np.stack([rows["pixels"].iloc[i] for i in chosen]))
    table = answers.iloc[chosen][["image", "gold", "predicted", "probability"]]
    table.to_parquet(out / "shown.parquet", index=False)
