"""The fine-tuned model as MLflow serves it: texts or pairs in, labels and their probabilities out.

MLflow copies this file and those of COPIED into the model: see `windows/reading.py`.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pandas as pd
from torch import Tensor

from ..windows.reading import TextModel

COPIED = ("windows/cutting.py", "windows/reading.py")  # beside it, in this package


def together(scores: Tensor) -> Tensor:
    """The logarithms of the mean probabilities of windows.

    Args:
        scores: of shape (..., windows, labels).
    """
    return scores.log_softmax(-1).logsumexp(-2) - math.log(scores.shape[-2])


class Classifier(TextModel):
    """A model of labels."""

    def predict(self, data: Any) -> pd.DataFrame:
        """The most likely `label` of each row, and its probability as `score`.

        A text is truncated at the longest input that the model was fine-tuned with; or its label
        is that of the mean probabilities of its windows, if that was chosen.

        Args:
            data: Texts; for a model of pairs, a table with the columns `text` and `second_text`.
        """
        labels, rows = self.model.config.id2label, []
        for scores in self.scores(data, together):
            score, best = scores.softmax(-1).max(-1)
            rows.append({"label": labels[int(best)], "score": float(score)})
        return pd.DataFrame(rows, columns=["label", "score"])


def _load_pyfunc(path: str, _model_config: Any = None) -> Classifier:
    """Load a model; MLflow calls it with the folder of the model."""
    return Classifier(Path(path))
