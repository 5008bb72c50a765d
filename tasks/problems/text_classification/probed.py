"""What a linear probe of features answers: logistic regression of the label."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

BODY = "tasks.models.learning.text_body"
STEPS = 500


def answer(
    train: NDArray[np.float32], truth: Sequence[str], *asked: NDArray[np.float32]
) -> list[list[str]]:
    """The labels of some rows, by their features.

    Args:
        train: features of shape (rows, width), standardized.
        truth: the labels of these rows.
        asked: features of rows to answer, one table after another.

    Where all training rows have one label, that is the answer.
    """
    if len({*truth}) < 2:
        return [[str(truth[0])] * len(each) for each in asked]
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():
        # Rows that a plane separates have no best one: more steps only make it surer.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = LogisticRegression(max_iter=STEPS).fit(train, list(truth))
    return [[str(label) for label in model.predict(each)] for each in asked]
