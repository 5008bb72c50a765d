"""The field's simple model of detection: bright regions, and logistic regression on what is there.

A region is a connected component of the pixels that are lighter than a threshold, which divides
two classes of shades (Otsu, 1979, "A threshold selection method from gray-level histograms"). It
fits light objects on a dark ground, as the built-in canvas has them, and little else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import binary_dilation, find_objects, label
from sklearn.preprocessing import StandardScaler

from tasks.data.images.boxes import Box, as_text, objects_in
from tasks.data.images.pixel_arrays import Pixels
from tasks.problems.linear import logistic_regression
from tasks.problems.object_detection.scores import score
from tasks.problems.weighted import Floats, on_all_rows

SIDE = 12  # pixels of an object
WORDS = "bright regions, logistic regression on their grey pixels"
STRENGTHS = (0.001, 0.01, 0.1)  # the inverse of the L2 penalty
SMALLEST = 0.004  # of the picture: a region of less is noise


def answer(
    train: pd.DataFrame, validation: pd.DataFrame, test: pd.DataFrame, labels: Sequence[str]
) -> list[str]:
    """The boxes in each test picture; the validation pictures choose the penalty, by AP."""
    names = [box.label for text in train["label"] for box in objects_in(text)]
    crops = [
        crop(pixels, box)
        for pixels, text in zip(train["pixels"], train["label"], strict=True)
        for box in objects_in(text)
    ]
    if len({*names}) < 2:
        only = names[0] if names else labels[0]
        return [_as_text(regions(pixels), [only] * 999, np.ones(999)) for pixels in test["pixels"]]
    scaler = StandardScaler().fit(np.stack(crops))
    highest, best = -1.0, list[str]()
    for strength in STRENGTHS:
        model = logistic_regression(strength).fit(scaler.transform(np.stack(crops)), names)

        def found(pictures: Iterable[Pixels], model: object = model) -> list[str]:
            return [_answered(pixels, scaler, model) for pixels in pictures]

        held_out = found(validation["pixels"])
        reached = on_all_rows(score(validation["label"], held_out, labels))["average_precision"]
        if reached > highest:
            highest, best = reached, found(test["pixels"])
    return best


def _answered(pixels: Pixels, scaler: StandardScaler, model: object) -> str:
    boxes = regions(pixels)
    if not boxes:
        return as_text([], scored=True)
    shares = model.predict_proba(scaler.transform(np.stack([crop(pixels, b) for b in boxes])))  # type: ignore[attr-defined]
    names = [str(model.classes_[i]) for i in shares.argmax(axis=1)]  # type: ignore[attr-defined]
    return _as_text(boxes, names, shares.max(axis=1))


def _as_text(boxes: Sequence[Box], names: Sequence[str], scores: Floats) -> str:
    rows = zip(boxes, names, scores, strict=False)
    return as_text([Box(n, b.corners, float(s)) for b, n, s in rows], scored=True)


def regions(pixels: Pixels) -> list[Box]:
    """The boxes around bright regions, without labels."""
    shades = np.asarray(pixels, dtype=np.float64).mean(axis=2)
    bright = shades > threshold(shades)
    numbered, _ = label(binary_dilation(bright), structure=np.ones((3, 3)))
    found = []
    for number, place in enumerate(find_objects(numbered), 1):
        inside = bright[place] & (numbered[place] == number)
        if inside.sum() < SMALLEST * shades.size:
            continue
        rows, columns = np.nonzero(inside)
        top, left = place[0].start + rows.min(), place[1].start + columns.min()
        bottom, right = place[0].start + rows.max() + 1, place[1].start + columns.max() + 1
        found.append(Box("", (float(left), float(top), float(right), float(bottom))))
    return found


def threshold(shades: Floats) -> float:
    """The shade that divides the pixels into two classes with the largest variance between."""
    counts = np.bincount(shades.astype(int).ravel(), minlength=256).astype(np.float64)
    below = np.cumsum(counts)
    sums = np.cumsum(counts * np.arange(256))
    above = below[-1] - below
    apart = sums / np.maximum(below, 1) - (sums[-1] - sums) / np.maximum(above, 1)
    return float(np.argmax(below * above * apart**2))


def crop(pixels: Pixels, box: Box) -> NDArray[np.float64]:
    """The grey pixels in a box, [SIDE × SIDE] from 0 to 1."""
    image = Image.fromarray(np.squeeze(pixels)).convert("L")
    left, top, right, bottom = box.corners
    part = (left, top, max(right, left + 1), max(bottom, top + 1))
    small = image.resize((SIDE, SIDE), Image.Resampling.BILINEAR, box=_inside(part, image.size))
    return np.asarray(small, dtype=np.float64).ravel() / 255


def _inside(
    part: tuple[float, float, float, float], size: tuple[int, int]
) -> tuple[float, float, float, float]:
    left, top, right, bottom = part
    return max(left, 0), max(top, 0), min(right, size[0]), min(bottom, size[1])
