"""The field's simple model of several image labels: a logistic regression for each, on grey pixels.

The pixels are those of image classification.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.preprocessing import StandardScaler

from tasks.problems.image_classification.simple import SIDE, STRENGTHS, shades
from tasks.problems.linear import logistic_regression
from tasks.problems.several_labels.scores import marked, score
from tasks.problems.weighted import on_all_rows

WORDS = f"grey pixels of {SIDE} × {SIDE}, a logistic regression for each label"


def answer(
    train: pd.DataFrame, validation: pd.DataFrame, test: pd.DataFrame, labels: Sequence[str]
) -> list[list[str]]:
    """The labels of each test picture, by a model of the training pictures alone.

    The validation pictures choose the strength of the penalty, by micro-F1; the weaker penalty wins
    a draw. A label that all training pictures have, or none, is answered as there.
    """
    scaler = StandardScaler()
    features = scaler.fit_transform(shades(train["pixels"]))
    held_out = scaler.transform(shades(validation["pixels"]))
    answers, found = marked(train["label"], labels), []
    for strength in STRENGTHS:
        with warnings.catch_warnings(action="ignore", category=UserWarning):  # of such labels
            model = logistic_regression(strength).fit(features, answers)
        scores = score(validation["label"], _named(model.predict(held_out), labels), labels)
        found.append((on_all_rows(scores)["micro_f1"], strength, model))
    best = max(found, key=lambda each: each[:2])[2]
    return _named(best.predict(scaler.transform(shades(test["pixels"]))), labels)


def _named(matrix: Any, labels: Sequence[str]) -> list[list[str]]:
    """The labels that are marked in each row."""
    return [[labels[i] for i in np.flatnonzero(row).tolist()] for row in np.asarray(matrix)]
