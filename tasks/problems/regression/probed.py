"""What a linear probe of features answers: ridge regression of the number."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

BODY = "tasks.models.learning.text_body"


def answer(
    train: NDArray[np.float32], truth: Sequence[float], *asked: NDArray[np.float32]
) -> list[list[float]]:
    """The numbers of some rows, by their features: see that of text classification."""
    from sklearn.linear_model import Ridge

    model = Ridge().fit(train, np.asarray(truth, dtype=np.float64))
    return [[float(number) for number in model.predict(each)] for each in asked]
