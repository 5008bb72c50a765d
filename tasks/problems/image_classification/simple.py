"""The field's simple model of image classification: logistic regression on small grey pixels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from PIL import Image
from sklearn.preprocessing import StandardScaler

from tasks.data.images.pixel_arrays import Pixels
from tasks.problems.linear import logistic_regression
from tasks.problems.text_classification.simple import table
from tasks.problems.weighted import Floats

SIDE = 16  # pixels
WORDS = f"grey pixels of {SIDE} × {SIDE}, logistic regression"
STRENGTHS = (0.0001, 0.001, 0.01, 0.1)  # the inverse of the L2 penalty


def answer(
    train: pd.DataFrame, validation: pd.DataFrame, test: pd.DataFrame, labels: Sequence[str]
) -> pd.DataFrame:
    """The label of each test picture and the probabilities of all, by the training pictures.

    The validation pictures choose the strength of the penalty, by accuracy; the weaker penalty
    wins a draw. A label without a training picture has probability 0.
    """
    if train["label"].nunique() < 2:
        only = str(train["label"].iloc[0])
        return table([only] * len(test), np.ones((len(test), 1)), [only], labels)
    scaler = StandardScaler()
    features = scaler.fit_transform(shades(train["pixels"]))
    held_out = scaler.transform(shades(validation["pixels"]))
    highest, best = -1.0, logistic_regression(STRENGTHS[0])
    for strength in STRENGTHS:
        model = logistic_regression(strength).fit(features, train["label"])
        accuracy = float((model.predict(held_out) == validation["label"]).mean())
        if accuracy >= highest:
            highest, best = accuracy, model
    tested = scaler.transform(shades(test["pixels"]))
    predicted = [str(label) for label in best.predict(tested)]
    return table(predicted, best.predict_proba(tested), best.classes_, labels)


def shades(pictures: Iterable[Pixels]) -> Floats:
    """Pictures as rows of SIDE × SIDE shades of grey from 0 to 1."""
    rows = []
    for pixels in pictures:
        image = Image.fromarray(np.squeeze(pixels)).convert("L")
        small = image.resize((SIDE, SIDE), Image.Resampling.BOX)
        rows.append(np.asarray(small, dtype=np.float64).ravel() / 255)
    return np.stack(rows)
