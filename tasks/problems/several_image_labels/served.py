"""How MLflow serves a model with several image labels: base64 in, labels and probabilities out.

MLflow copies this file and those of COPIED into the model: they import nothing of Temper.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from ..image_classification.served import Classifier, texts_of

COPIED = ("image_classification/served.py",)  # beside it, in this package
THRESHOLD = 0.5


class Labeller(Classifier):
    """A model and how its pictures are read."""

    @torch.no_grad()
    def predict(self, data: Any, _params: Any = None) -> Any:
        """For each picture all labels, the likeliest first: `label`, `score`, whether it `applies`.

        A label applies if its probability, the score, is above a half.

        Args:
            data: base64 texts: a list, an array, or a table whose first column has them.
        """
        labels, answers = self.model.config.id2label, []
        for text in texts_of(data):
            values = torch.from_numpy(self.reader.numbers(self.reader.opened(text)))[None]
            scores = self.model(pixel_values=values).logits[0].sigmoid()
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
