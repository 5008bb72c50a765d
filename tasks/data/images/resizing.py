"""From a picture of any size to the square that a model reads."""

from __future__ import annotations

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tasks.data.images.framing import Fit, Frame

BILINEAR = Image.Resampling.BILINEAR  # with antialiasing; number 2 in a `preprocessor_config.json`


def to_square(image: Image.Image, size: int, channels: int, fit: Fit) -> NDArray[np.uint8]:
    """The pixels of a picture: [size, size, channels], as image processors of transformers do.

    With crop, the shorter side is resized to `size`, and the middle of the longer one is kept.

    Args:
        image: of mode L or RGB.
        size: height and width.
        channels: 1 of grey, 3 of red, green and blue.
        fit: what becomes of a picture that is no square.
    """
    image = image.convert("L" if channels == 1 else "RGB")
    frame = Frame.of(*image.size, size, fit)
    if image.size != frame.scaled:
        image = image.resize(frame.scaled, BILINEAR)
    return np.asarray(image.crop(frame.inside), dtype=np.uint8).reshape(size, size, channels)


def thumbnail(image: Image.Image, side: int) -> NDArray[np.uint8]:
    """A small copy on a white square, for pages: [side, side, 3]."""
    small = image.convert("RGB")
    scale = side / max(small.size)
    sizes = [max(1, round(each * scale)) for each in small.size]
    small = small.resize((sizes[0], sizes[1]), BILINEAR)
    ground = Image.new("RGB", (side, side), (255, 255, 255))
    ground.paste(small, ((side - sizes[0]) // 2, (side - sizes[1]) // 2))
    return np.asarray(ground, dtype=np.uint8)


def in_base64(pixels: NDArray[np.uint8]) -> str:
    """A stored picture as a served model is asked about it: a PNG in base64."""
    file = io.BytesIO()
    Image.fromarray(np.squeeze(pixels)).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()
