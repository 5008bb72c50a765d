"""Answers drawn on their pictures: in full size for `temper predict --draw`, or enlarged.

To draw the answers of another problem: add a function of a picture and an answer to DRAWN, and one
that also enlarges to ENLARGED.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import to_hex
from PIL import Image, ImageDraw, ImageFont

from tasks.data.images.boxes import as_text, from_text, objects_in
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


def enlarged_mask(image: Any, answer: str, labels: Sequence[str], times: int) -> Any:
    """The picture with a mask, its pixels as squares of `times` pixels."""
    drawn = draw_mask(image, answer, labels)[".png"]
    return drawn.resize(_large(drawn, times), Image.Resampling.NEAREST)


def enlarged_boxes(image: Any, answer: str, labels: Sequence[str], times: int) -> Any:
    """The picture `times` as large, with boxes in thin lines; true ones have no score."""
    boxes = [box.moved((times, times), (0, 0)) for box in objects_in(answer)]
    large = image.resize(_large(image, times))
    return draw_boxes(large, as_text(boxes, scored=True), labels)[".png"]


def _large(image: Any, times: int) -> tuple[int, int]:
    return image.width * times, image.height * times


Draw = Callable[[Any, str, Sequence[str]], dict[str, Any]]
Enlarge = Callable[[Any, str, Sequence[str], int], Any]
DRAWN: Mapping[str, Draw] = {"semantic-segmentation": draw_mask, "object-detection": draw_boxes}
ENLARGED: Mapping[str, Enlarge] = {
    "semantic-segmentation": enlarged_mask,
    "object-detection": enlarged_boxes,
}
