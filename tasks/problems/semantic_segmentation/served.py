"""How MLflow serves a model that labels pixels: base64 in, a mask as a PNG in base64 out.

MLflow copies this file and those of COPIED into the model: they import nothing of Temper. A picture
is read as in training. A mask has the size of its picture, the places of the labels as its palette
numbers, and 255 where the model does not look (beyond the middle square, if pictures are cropped).
"""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional

from ..dense_head import STRIDE, DenseModel
from ..image_classification.served import PictureReader, texts_of
from ..published.head import Answering
from ..published.segmentation import MaskedByQueries, ScoredPixels
from .palette import palette

COPIED = (  # beside it, in this package
    "dense_head.py",
    "image_classification/served.py",
    "published/head.py",
    "published/segmentation.py",
    "semantic_segmentation/palette.py",
)
BEYOND = 255
NOT_COUNTED = -100  # a label, as in transformers


class DenseForSemanticSegmentation(DenseModel):
    """A backbone with a score for each label and pixel.

    A cell has the scores of its STRIDE × STRIDE pixels (Shi et al., 2016, "Real-time single image
    and video super-resolution using an efficient sub-pixel convolutional neural network").
    """

    def __init__(self, config: Any) -> None:
        super().__init__(config, config.num_labels * STRIDE**2)

    def forward(self, pixel_values: Tensor, labels: Tensor | None = None) -> Any:
        """`logits` [pictures, height, width, labels], and with labels the `loss` in nats.

        Args:
            pixel_values: [pictures, 3, height, width].
            labels: [pictures, height, width], NOT_COUNTED where nothing is known; the loss of a
                batch without a pixel that counts is 0.
        """
        high, wide = pixel_values.shape[2:]
        scores = functional.pixel_shuffle(self.cells(pixel_values), STRIDE)[..., :high, :wide]
        loss = None
        if labels is not None:
            whole = functional.cross_entropy(scores.float(), labels, reduction="sum")
            loss = whole / (labels != NOT_COUNTED).sum().clamp(min=1)
        return SimpleNamespace(logits=scores.permute(0, 2, 3, 1), loss=loss)


# The `forward` of each model is as above.
SEGMENTERS = Answering(
    (
        ("MODEL_FOR_SEMANTIC_SEGMENTATION_MAPPING", ScoredPixels),
        ("MODEL_FOR_UNIVERSAL_SEGMENTATION_MAPPING", MaskedByQueries),
    ),
    DenseForSemanticSegmentation,
)


class Segmenter:
    """A model, and how its pictures are read."""

    def __init__(self, folder: Path) -> None:
        inside = folder if (folder / "config.json").is_file() else folder / "model"
        self.model = SEGMENTERS.from_pretrained(inside).eval()
        self.reader = PictureReader.of(inside)
        self.labels = [self.model.config.id2label[i] for i in range(self.model.config.num_labels)]

    @torch.no_grad()
    def predict(self, data: Any, _params: Any = None) -> pd.DataFrame:
        """The mask of each picture as a PNG in base64, and the shares of its labels as JSON.

        Args:
            data: base64 texts: a list, an array, or a table whose first column has them.
        """
        rows = []
        for text in texts_of(data):
            image = self.reader.opened(text)
            values = torch.from_numpy(self.reader.numbers(image))[None]
            square = self.model(pixel_values=values).logits[0].argmax(-1).numpy().astype(np.uint8)
            counts = np.bincount(square.ravel(), minlength=len(self.labels)) / square.size
            shares = {name: round(float(n), 4) for name, n in zip(self.labels, counts, strict=True)}
            mask = self.whole(square, image.size)
            rows.append({"mask": png(mask), "shares": json.dumps(shares, ensure_ascii=False)})
        return pd.DataFrame(rows, columns=["mask", "shares"])

    def whole(self, square: NDArray[np.uint8], size: tuple[int, int]) -> Any:
        """A mask of the square as one of a picture of this size."""
        scaled, left, top = self.reader.frame(size)
        canvas = Image.new("L", scaled, BEYOND)
        canvas.paste(Image.fromarray(square), (left, top))
        return canvas if scaled == size else canvas.resize(size, Image.Resampling.NEAREST)


def png(mask: Any) -> str:
    """A mask as a PNG with a palette, in base64."""
    image = mask.convert("L")
    image.putpalette(palette())
    file = io.BytesIO()
    image.save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def _load_pyfunc(path: str, _model_config: Any = None) -> Segmenter:
    """Load a model; MLflow calls it with the folder of the model."""
    return Segmenter(Path(path))
