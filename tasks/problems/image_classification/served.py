"""How MLflow serves a classifier of pictures: base64 in, labels out. It imports nothing of Temper.

A picture is read as in training: upright, on white where it is transparent, 16 bits reduced to 8,
resized by the model's image processor.
"""

from __future__ import annotations

import base64
import binascii
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from PIL import Image, ImageOps
from transformers import AutoModelForImageClassification

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM")


class PictureReader:
    """How the pictures of a model are read.

    Args:
        settings: its preprocessor_config.json.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = settings

    @classmethod
    def of(cls, folder: Path) -> PictureReader:
        """That of a model; the file is somewhere in its folder."""
        found = sorted(folder.rglob("preprocessor_config.json"))
        return cls(json.loads(found[0].read_text(encoding="utf-8")))

    def opened(self, text: str) -> Any:
        """A picture in base64, upright, of 8 bits a channel.

        Raises:
            ValueError: it is none.
        """
        Image.init()  # else it knows the most frequent formats alone
        try:
            image = Image.open(io.BytesIO(base64.b64decode(text, validate=True)), formats=FORMATS)
            image.load()
        except (binascii.Error, OSError, ValueError) as error:
            raise ValueError(f"not a picture in base64: {error}; accepted: {FORMATS}") from None
        image = upright(image)
        return image.convert("L" if self.settings.get("temper_channels") == 1 else "RGB")

    def frame(self, size: tuple[int, int]) -> tuple[tuple[int, int], int, int]:
        """The size that a picture is resized to, and what is cut off on the left and at the top."""
        if not self.settings.get("do_center_crop"):
            return (self.settings["size"]["width"], self.settings["size"]["height"]), 0, 0
        side = self.settings["crop_size"]["height"]
        other = int(side * max(size) / min(size))
        scaled = (side, other) if size[0] <= size[1] else (other, side)
        return scaled, (scaled[0] - side) // 2, (scaled[1] - side) // 2

    def numbers(self, image: Any) -> Any:
        """A picture as the model reads it: float32 [3, size, size]."""
        scaled, left, top = self.frame(image.size)
        image = resized(image, scaled)
        if self.settings.get("do_center_crop"):
            side = self.settings["crop_size"]["height"]
            image = image.crop((left, top, left + side, top + side))
        values = np.asarray(image.convert("RGB"), dtype=np.float32).transpose(2, 0, 1) / 255
        mean, deviation = (
            np.array(self.settings[name], np.float32)[:, None, None]
            for name in ("image_mean", "image_std")
        )
        return (values - mean) / deviation


class Classifier:
    """A model and how its pictures are read."""

    def __init__(self, folder: Path) -> None:
        inside = folder / "model"
        self.model: Any = AutoModelForImageClassification.from_pretrained(
            inside, local_files_only=True, dtype=torch.float32
        ).eval()
        self.reader = PictureReader.of(folder)

    @torch.no_grad()
    def predict(self, data: Any, _params: Any = None) -> pd.DataFrame:
        """The label of each picture, and its probability.

        Args:
            data: base64 texts: a list, an array, or a table whose first column has them.
        """
        labels, rows = self.model.config.id2label, []
        for text in texts_of(data):
            values = torch.from_numpy(self.reader.numbers(self.reader.opened(text)))[None]
            score, best = self.model(pixel_values=values).logits[0].softmax(-1).max(-1)
            rows.append({"label": labels[int(best)], "score": float(score)})
        return pd.DataFrame(rows, columns=["label", "score"])


def resized(image: Any, size: tuple[int, int]) -> Any:
    """A picture in another size, if it has another one."""
    return image if image.size == size else image.resize(size, Image.Resampling.BILINEAR)


def upright(image: Any) -> Any:
    """A picture turned as its EXIF says, of 8 bits, without transparency."""
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image).astype(np.int64) >> 8).astype(np.uint8))
    if image.mode in ("LA", "La", "RGBA", "RGBa", "PA") or "transparency" in image.info:
        whole = image.convert("RGBA")
        ground = Image.new("RGBA", whole.size, (255, 255, 255, 255))
        image = Image.alpha_composite(ground, whole)
    return image


def texts_of(data: Any) -> list[str]:
    """The base64 texts of an input as MLflow gives it: a table, an array, a list."""
    if isinstance(data, pd.DataFrame):
        return [str(text) for text in data.iloc[:, 0]]
    return [str(text) for text in ([data] if isinstance(data, str) else np.ravel(data))]


def _load_pyfunc(path: str, _model_config: Any = None) -> Classifier:
    """Load a model; MLflow calls it with the folder of the model."""
    return Classifier(Path(path))
