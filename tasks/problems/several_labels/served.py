"""The fine-tuned model as MLflow serves it: texts or pairs in, labels and probabilities out.

MLflow copies this file and those of COPIED into the model: see `windows/reading.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor
from torch.nn.functional import logsigmoid

from ..windows.reading import TextModel

COPIED = ("windows/cutting.py", "windows/reading.py")  # beside it, in this package

THRESHOLD = 0.5


def together(scores: Tensor) -> Tensor:
    """The log-odds of each label by the mean of its probabilities in windows.

    Args:
        scores: log-odds, of shape (..., windows, labels).
    """
    return logsigmoid(scores).logsumexp(-2) - logsigmoid(-scores).logsumexp(-2)


class Labeller(TextModel):
    """A model of several labels."""

    def predict(self, data: Any) -> list[list[dict[str, Any]]]:
        """For each row all labels, the likeliest first: `label`, `score`, and whether it `applies`.

        A label applies if its probability, the score, is above a half. A text is truncated at the
        longest input that the model was fine-tuned with; or its probabilities are the means of
        those of its windows, if that was chosen.

        Args:
            data: Texts; for a model of pairs, a table with the columns `text` and `second_text`.
        """
        labels, answers = self.model.config.id2label, []
        for each in self.scores(data, together):
            scores = each.sigmoid()
            answers.append(
                [
                    {
                        "label": labels[int(i)],
                        "score": float(scores[i]),
                        "applies": bool(scores[i] > THRESHOLD),
                    }
                    for i in scores.argsort(descending=True)
                ]
            )
        return answers


def _load_pyfunc(path: str, _model_config: Any = None) -> Labeller:
    """Load a model; MLflow calls it with the folder of the model."""
    return Labeller(Path(path))
