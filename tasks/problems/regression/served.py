"""The fine-tuned model as MLflow serves it: texts or pairs in, numbers out, as evaluated.

MLflow copies this file and those of COPIED into the model: see `windows/reading.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from torch import Tensor

from ..windows.reading import TextModel

COPIED = ("windows/cutting.py", "windows/reading.py")  # beside it, in this package


def together(scores: Tensor) -> Tensor:
    """The mean of the numbers of windows.

    Args:
        scores: of shape (..., windows, 1).
    """
    return scores.mean(-2)


class Scorer(TextModel):
    """A model of numbers."""

    def predict(self, data: Any) -> pd.DataFrame:
        """The `number` of each row, in the unit of the rows that the model was fine-tuned on.

        A text is truncated at the longest input that the model was fine-tuned with; or its number
        is the mean of those of its windows, if that was chosen.

        Args:
            data: Texts; for a model of pairs, a table with the columns `text` and `second_text`.
        """
        numbers = [float(scores[0]) for scores in self.scores(data, together)]
        return pd.DataFrame({"number": numbers})


def _load_pyfunc(path: str, _model_config: Any = None) -> Scorer:
    """Load a model; MLflow calls it with the folder of the model."""
    return Scorer(Path(path))
