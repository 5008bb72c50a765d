"""The field's simple model of segmentation: logistic regression on a pixel and those around it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from tasks.data.images.masks import IGNORED, as_text
from tasks.data.images.pixel_arrays import Pixels
from tasks.problems.semantic_segmentation.scores import score
from tasks.problems.weighted import Floats, on_all_rows

REACH = 2  # pixels around a pixel, in each direction
WIDE = 6  # reach of the mean over a wider square
WORDS = f"the pixels of {2 * REACH + 1} × {2 * REACH + 1} and a mean around, logistic regression"
LEARNT = 30_000  # pixels
VALIDATED = 100  # pictures
WEIGHTS: tuple[Literal["balanced"] | None, ...] = (None, "balanced")
MOST_STEPS = 2000  # of the optimizer, which mostly ends by itself
SEED = 0  # of the choice of pixels


def answer(
    train: pd.DataFrame, validation: pd.DataFrame, test: pd.DataFrame, labels: Sequence[str]
) -> list[str]:
    """The mask of each test picture, by pixels of the training pictures.

    The validation pictures choose whether rare labels weigh more, by mean IoU; a draw is for equal
    weights.
    """
    features, truth = _learnt(train)
    if len(np.unique(truth)) < 2:
        return _answers(lambda rows: np.full(len(rows), truth[0]), test["pixels"], labels)
    scaler = StandardScaler().fit(features)
    shown = validation.head(VALIDATED)
    highest, best = -1.0, list[str]()
    for weights in WEIGHTS:
        model = LogisticRegression(max_iter=MOST_STEPS, class_weight=weights)
        model.fit(scaler.transform(features), truth)

        def predict(rows: Floats, model: Any = model) -> Any:
            return model.predict(scaler.transform(rows))

        found = _answers(predict, shown["pixels"], labels)
        reached = on_all_rows(score(shown["label"], found, labels))["mean_iou"]
        if reached > highest:
            highest, best = reached, _answers(predict, test["pixels"], labels)
    return best


def _learnt(train: pd.DataFrame) -> tuple[Floats, NDArray[np.int64]]:
    """Features and label places of pixels that are drawn from all training pictures."""
    generator = np.random.default_rng(SEED)
    each = max(1, LEARNT // len(train))
    features, truth = [], []
    for pixels, mask in zip(train["pixels"], train["mask"], strict=True):
        flat = mask.ravel()
        known = np.flatnonzero(flat != IGNORED)
        chosen = generator.choice(known, min(each, len(known)), replace=False)
        features.append(around(pixels)[chosen])
        truth.append(flat[chosen].astype(np.int64))
    return np.concatenate(features), np.concatenate(truth)


def _answers(predict: Any, pictures: Any, labels: Sequence[str]) -> list[str]:
    found = []
    for pixels in pictures:
        mask = predict(around(pixels)).astype(np.uint8).reshape(pixels.shape[:2])
        found.append(as_text(mask, labels))
    return found


def around(pixels: Pixels) -> Floats:
    """What is around each pixel: [pixels, features], shades from 0 to 1; edges are repeated."""
    values = np.asarray(pixels, dtype=np.float64) / 255
    high, wide, channels = values.shape
    side = 2 * REACH + 1
    padded = np.pad(values, ((REACH, REACH), (REACH, REACH), (0, 0)), mode="edge")
    near = np.lib.stride_tricks.sliding_window_view(padded, (side, side), axis=(0, 1))
    return np.hstack(
        [near.reshape(high * wide, -1), _wide_mean(values).reshape(high * wide, channels)]
    )


def _wide_mean(values: Floats) -> Floats:
    """The mean over a square of each pixel, by sums along both axes."""
    side = 2 * WIDE + 1
    found = np.pad(values, ((WIDE, WIDE), (WIDE, WIDE), (0, 0)), mode="edge")
    for axis in (0, 1):
        sums = np.cumsum(found, axis=axis)
        whole = np.concatenate([np.zeros_like(np.take(sums, [0], axis)), sums], axis=axis)
        count = whole.shape[axis]
        found = np.take(whole, range(side, count), axis) - np.take(whole, range(count - side), axis)
    mean: Floats = found / side**2
    return mean
