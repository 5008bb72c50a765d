"""Answers drawn on their pictures, in full size, for `temper predict --draw`.

To draw the answers of another problem: add a function of a picture and an answer to DRAWN.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import to_hex
from PIL import Image, ImageDraw, ImageFont

from tasks.data.images.boxes import from_text
from tasks.data.images.masks import IGNORED, placed
from tasks.pages.picture_sheets import COLOURS, coloured
from tasks.problems.object_detection.scores import SURE

SHARE = 0.55  # of the colour of a label, over the picture
OF_BOXES = [to_hex(colormaps["tab20"](i)) for i in range(20)]  # light enough to be read


def draw_mask(image: Any, answer: str, labels: Sequence[str]) -> dict[str, Any]:
    """The picture with the colours of its labels over it, and the mask itself.

    The first label, which mostly is the ground, and what does not count are left as they are.

    Args:
        image: of Pillow.
        answer: the text of a mask of its size.
        labels: whose places the numbers of the mask are.

    Returns:
        Pictures by what is behind the name of a file: `.png`, and `.mask.png` with the palette
        of masks that are served, and 255 where nothing is known (white).
    """
    mask = placed(answer, labels)
    over = Image.fromarray(coloured(mask))
    laid = Image.blend(image.convert("RGB"), over, SHARE)
    shown = Image.fromarray((mask > 0).astype(np.uint8) * 255)
    drawn = Image.composite(laid, image.convert("RGB"), shown)
    numbers = Image.fromarray(np.where(mask < 0, IGNORED, mask).astype(np.uint8))
    numbers.putpalette(COLOURS.ravel().tolist())
    return {".png": drawn, ".mask.png": numbers}


def draw_boxes(image: Any, answer: str, labels: Sequence[str]) -> dict[str, Any]:
    """The picture with a box, a label and a score for each answer that is sure enough.

    Args:
        image: of Pillow.
        answer: the text of boxes in its pixels.
        labels: whose places choose the colours.
    """
    drawn = image.convert("RGB")
    pen = ImageDraw.Draw(drawn)
    size = max(8, min(drawn.size) // 30)
    font = ImageFont.load_default(size)
    for box in from_text(answer):
        if box.score < SURE:
            continue
        colour = OF_BOXES[labels.index(box.label) % len(OF_BOXES)]
        pen.rectangle(box.corners, outline=colour, width=max(1, size // 8))
        left, top = box.corners[:2]
        words = f"{box.label} {box.score:.0%}"
        pen.text((left, max(0, top - size - 2)), words, fill=colour, font=font)
    return {".png": drawn}


Draw = Callable[[Any, str, Sequence[str]], dict[str, Any]]
DRAWN: Mapping[str, Draw] = {"semantic-segmentation": draw_mask, "object-detection": draw_boxes}
