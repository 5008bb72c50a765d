"""How MLflow serves a model that finds objects: base64 in; labels, boxes and scores out.

MLflow copies this file and those of COPIED into the model: they import nothing of Temper. A picture
is read as in training; boxes are in its pixels: left, top, right, bottom. With the head of ours,
objects are points (Zhou et al., 2019, "Objects as points"): each cell has a heat for each label, an
offset to the middle of an object and the logarithm of its size; an object is a peak among the cells
around it. A published detector answers with its own head.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional

from ..dense_head import STRIDE, DenseModel
from ..image_classification.served import PictureReader, texts_of
from ..published.detection import MOST, FoundByQueries
from ..published.head import Answering
from .loss import loss_of

COPIED = (  # beside it, in this package
    "dense_head.py",
    "image_classification/served.py",
    "object_detection/loss.py",
    "published/detection.py",
    "published/head.py",
)
LEAST = 0.05  # score of an object; those below are not told
RARE = -4.0  # the logit of the heat that a model begins with: few cells have an object
LARGEST = 10.0  # logarithm of a size


class DenseForObjectDetection(DenseModel):
    """A backbone with heats, offsets and sizes at each cell."""

    def __init__(self, config: Any) -> None:
        super().__init__(config, config.num_labels + 4)
        last: Any = self.head[-1]
        with torch.no_grad():
            last.bias[: config.num_labels].fill_(RARE)
            last.bias[config.num_labels :].fill_(0.0)

    def forward(self, pixel_values: Tensor) -> Any:
        """`logits` [pictures, labels + 4, rows, columns]: heats, offset x, y, log width, height.

        Args:
            pixel_values: [pictures, 3, height, width].
        """
        return SimpleNamespace(logits=self.cells(pixel_values))

    def objects(self, pixel_values: Tensor) -> Tensor:
        """[pictures, MOST, 6] the objects, see `peaks`."""
        return peaks(self(pixel_values=pixel_values).logits.float(), pixel_values.shape[2:])

    def objects_and_losses(self, pixel_values: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """The objects, and the loss of each picture, of shape [pictures]: a mean over its objects.

        Args:
            pixel_values: [pictures, 3, height, width].
            labels: [pictures, boxes, 5], see `loss_of`.
        """
        cells = self(pixel_values=pixel_values).logits.float()
        each = loss_of(cells, labels) / (labels[..., 0] >= 0).sum(1).clamp(min=1)
        return peaks(cells, pixel_values.shape[2:]), each

    def batch_loss(self, pixel_values: Tensor, labels: Tensor) -> Tensor:
        """The loss of a batch: a mean over its objects."""
        each = loss_of(self(pixel_values=pixel_values).logits.float(), labels)
        return each.sum() / max(1, int((labels[..., 0] >= 0).sum()))


def peaks(cells: Tensor, size: Sequence[int]) -> Tensor:
    """[pictures, MOST, 6] score, label, left, top, right, bottom of objects, the surest first.

    Boxes are in pixels of the square that the model reads. Where there are fewer objects, the
    score is 0.

    Args:
        cells: of a model.
        size: height and width of the square, which its last cells may reach beyond.
    """
    _, numbers, rows, columns = cells.shape
    labels = numbers - 4
    heat = cells[:, :labels].sigmoid()
    top = functional.max_pool2d(heat, 3, stride=1, padding=1)
    found = torch.where(heat == top, heat, heat.new_zeros(())).flatten(1)
    count = min(MOST, found.shape[1])
    scores, places = found.topk(count, dim=1)
    label, cell = places // (rows * columns), places % (rows * columns)
    offsets, sizes = (
        part.flatten(2).gather(2, cell[:, None].expand(-1, 2, -1))
        for part in (cells[:, labels : labels + 2], cells[:, labels + 2 :])
    )
    at = torch.stack([cell % columns, cell // columns], dim=1)
    middle = (at + 0.5 + offsets) * STRIDE
    half = sizes.clamp(max=LARGEST).exp() * STRIDE / 2
    limits = middle.new_tensor([size[1], size[0]])[:, None]
    low = torch.minimum((middle - half).clamp(min=0), limits)
    high = torch.minimum((middle + half).clamp(min=0), limits)
    answers = torch.cat([scores[:, None], label[:, None], low, high], dim=1).transpose(1, 2)
    return functional.pad(answers, (0, 0, 0, MOST - count))


# Each model has `objects`, `objects_and_losses` and `batch_loss`.
DETECTORS = Answering(
    (("MODEL_FOR_OBJECT_DETECTION_MAPPING", FoundByQueries),), DenseForObjectDetection
)


class Detector:
    """A model, and how its pictures are read."""

    def __init__(self, folder: Path) -> None:
        inside = folder if (folder / "config.json").is_file() else folder / "model"
        self.model = DETECTORS.from_pretrained(inside).eval()
        self.reader = PictureReader.of(inside)

    @torch.no_grad()
    def predict(self, data: Any, _params: Any = None) -> pd.DataFrame:
        """The labels, boxes and scores of the objects in each picture, as JSON, the surest first.

        Args:
            data: base64 texts: a list, an array, or a table whose first column has them.
        """
        rows = []
        for text in texts_of(data):
            image = self.reader.opened(text)
            values = torch.from_numpy(self.reader.numbers(image))[None]
            [answers] = self.model.objects(values).tolist()
            answers = [each for each in answers if each[0] >= LEAST]
            names = self.model.config.id2label
            found = {
                "labels": [names[int(label)] for _, label, *_ in answers],
                "boxes": [self.in_picture(box, image.size) for _, _, *box in answers],
                "scores": [round(score, 4) for score, *_ in answers],
            }
            rows.append({k: json.dumps(v, ensure_ascii=False) for k, v in found.items()})
        return pd.DataFrame(rows, columns=["labels", "boxes", "scores"])

    def in_picture(self, box: list[float], size: tuple[int, int]) -> list[float]:
        """A box of the square as one of a picture of this size."""
        scaled, left, top = self.reader.frame(size)
        across, down = size[0] / scaled[0], size[1] / scaled[1]
        shifts, scales = (left, top, left, top), (across, down, across, down)
        return [round((c + s) * f, 2) for c, s, f in zip(box, shifts, scales, strict=True)]


def _load_pyfunc(path: str, _model_config: Any = None) -> Detector:
    """Load a model; MLflow calls it with the folder of the model."""
    return Detector(Path(path))
