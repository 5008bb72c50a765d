"""Pictures of shapes with masks, as files and as stage `pixels` stores them."""

from __future__ import annotations

import random
from pathlib import Path

from PIL import Image, ImageDraw

from tasks.contract import Silent
from tasks.experiment.images.pictures import Pixels
from tasks.experiment.images.problem import ImageData
from tasks.sources.images import resolve
from tasks.stages.images.images import prepare_images
from tasks.stages.images.pixels import store_pixels

SIDE = 20
CLASSES = ["ground", "square", "disc"]
PROBLEM = "semantic-segmentation"
DATA = ImageData(name="shapes", problem=PROBLEM, source="x", classes=CLASSES)


def masked_picture(draw: random.Random) -> tuple[Image.Image, Image.Image]:
    """A square or a disc on a noisy ground, and its mask with a palette."""
    number = draw.choice([1, 2])
    image, mask = Image.new("L", (SIDE, SIDE)), Image.new("P", (SIDE, SIDE))
    image.putdata([draw.randint(0, 60) for _ in range(SIDE * SIDE)])
    mask.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
    left, top = draw.randint(1, 8), draw.randint(1, 8)
    box = (left, top, left + draw.randint(7, 10), top + draw.randint(7, 10))
    for canvas, colour in ((image, 130 if number == 1 else 230), (mask, number)):
        pen = ImageDraw.Draw(canvas)
        (pen.rectangle if number == 1 else pen.ellipse)(box, fill=colour)
    return image, mask


def write_masked(folder: Path, count: int, seed: int = 1) -> Path:
    """Folders images and masks."""
    draw = random.Random(seed)
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for number in range(count):
        image, mask = masked_picture(draw)
        image.save(folder / "images" / f"{number:03}.png")
        mask.save(folder / "masks" / f"{number:03}.png")
    return folder


def store_masked(folder: Path, data: ImageData = DATA, *, count: int = 90, size: int = 16) -> Path:
    """The folder of stage `pixels`, of pictures that are written beside it."""
    source = resolve(str(write_masked(folder / "files", count)), "source")
    for name in ("images", "pixels"):
        (folder / name).mkdir()
    silent = Silent()
    prepare_images(data, source, [], 0, out=folder / "images", monitor=silent)
    store_pixels(
        Pixels(size=size),
        data.columns,
        source,
        images=folder / "images",
        problem=PROBLEM,
        out=folder / "pixels",
        monitor=silent,
    )
    return folder / "pixels"
