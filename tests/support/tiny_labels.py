"""Pictures with any number of shapes, and a table with the labels of each."""

from __future__ import annotations

import json
import random
from pathlib import Path

from PIL import Image, ImageDraw

SIDE = 20
NAMES = ("bar", "dot", "edge")


def several(draw: random.Random) -> tuple[Image.Image, list[str]]:
    """A noisy picture with some of three shapes, each in a part of its own, and their names."""
    image = Image.new("L", (SIDE, SIDE))
    image.putdata([draw.randint(0, 60) for _ in range(SIDE * SIDE)])
    pen, chosen = ImageDraw.Draw(image), [name for name in NAMES if draw.random() < 0.45]
    at = draw.randint(0, 3)
    if "bar" in chosen:
        pen.rectangle((2 + at, 2, 4 + at, 9), fill=220)
    if "dot" in chosen:
        pen.ellipse((12, 3 + at, 17, 8 + at), fill=220)
    if "edge" in chosen:
        pen.rectangle((2, 12 + at, 17, 13 + at), fill=220)
    return image, chosen


def write_several(folder: Path, count: int, seed: int = 1) -> Path:
    """A folder of pictures, and `metadata.jsonl` with the columns `file_name` and `label`."""
    folder.mkdir(parents=True)
    draw, rows = random.Random(seed), []
    for number in range(count):
        image, names = several(draw)
        image.save(folder / f"{number:03}.png")
        rows.append({"file_name": f"{number:03}.png", "label": names})
    (folder / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder
