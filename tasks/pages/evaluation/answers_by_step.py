"""Answers to a few pictures while a model learns, below the truth: MLflow's images by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from tasks.pages.drawn_answers import ENLARGED

ACROSS = 3  # pictures in a row: MLflow's previews are square and small
SIDE = 200  # pixels of a drawn picture, about
GAP = 6
MARGIN = 60  # for the words at the left


def draw(seen: Mapping[str, Any]) -> Image.Image:
    """Pictures with their truths, and below each the answer; ACROSS in a row.

    Args:
        seen: `problem`; `pixels`, arrays [size, size, channels]; `gold` and `predicted`, the text
            of truth and answer in their pixels; `labels`.
    """
    rows: list[tuple[str, list[Image.Image]]] = []
    for begin in range(0, len(seen["pixels"]), ACROSS):
        some = slice(begin, begin + ACROSS)
        for words, texts in (("truth", seen["gold"]), ("answer", seen["predicted"])):
            pairs = zip(seen["pixels"][some], texts[some], strict=True)
            rows.append((words, [_drawn(seen["problem"], *pair, seen["labels"]) for pair in pairs]))
    wide, high = rows[0][1][0].size
    across = min(ACROSS, len(seen["pixels"]))
    size = (MARGIN + across * (wide + GAP), GAP + len(rows) * (high + GAP))
    sheet = Image.new("RGB", size, "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    for row, (words, pictures) in enumerate(rows):
        top = GAP + row * (high + GAP)
        pen.text((GAP, top), words, fill="black", font=font)
        for column, picture in enumerate(pictures):
            sheet.paste(picture, (MARGIN + column * (wide + GAP), top))
    return sheet


def _drawn(problem: str, pixels: np.ndarray, text: str, labels: Sequence[str]) -> Image.Image:
    """A picture with an answer on it, several times as large as it is stored if that is small."""
    image = Image.fromarray(np.squeeze(pixels)).convert("RGB")
    times = max(1, round(SIDE / image.width))
    return ENLARGED[problem](image, text, labels, times)
