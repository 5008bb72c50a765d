"""Pictures of shapes with boxes, in the three formats, and as stage `pixels` stores them."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from PIL import Image

from tasks.contract import Silent
from tasks.experiment.images.pictures import Pixels
from tasks.experiment.images.problem import ImageData
from tasks.sources.images import resolve
from tasks.stages.images.images import prepare_images
from tasks.stages.images.pixels import store_pixels
from tests.support.tiny_masks import SIDE, masked_picture

KINDS = ["disc", "square"]
PROBLEM = "object-detection"
DATA = ImageData(name="shapes", problem=PROBLEM, source="x")
Boxed = tuple[Image.Image, str, tuple[int, int, int, int]]


def boxed_pictures(count: int, seed: int = 1) -> list[Boxed]:
    """Pictures of a shape, which one it is, and left, top, right, bottom."""
    draw, found = random.Random(seed), []
    for _ in range(count):
        image, mask = masked_picture(draw)
        box = mask.point(lambda number: 255 * (number > 0), "L").getbbox()
        found.append((image, "square" if max(mask.getdata()) == 1 else "disc", box))
    return found


def write_coco(folder: Path, pictures: Sequence[Boxed]) -> Path:
    """One JSON file, as the API of COCO has it, and the pictures in a folder images."""
    (folder / "images").mkdir(parents=True)
    rows = []
    for number, (image, kind, (left, top, right, bottom)) in enumerate(pictures):
        image.save(folder / "images" / f"{number:03}.png")
        box = [left, top, right - left, bottom - top]
        rows.append(
            {"id": number, "image_id": number, "category_id": KINDS.index(kind), "bbox": box}
        )
    images = [{"id": n, "file_name": f"{n:03}.png"} for n in range(len(pictures))]
    names = [{"id": number, "name": kind} for number, kind in enumerate(KINDS)]
    values = {"images": images, "annotations": rows, "categories": names}
    (folder / "instances.json").write_text(json.dumps(values))
    return folder


def write_voc(folder: Path, pictures: Sequence[Boxed]) -> Path:
    """An XML file for each picture; its pixels count from 1, and the last is in the box."""
    for name in ("JPEGImages", "Annotations"):
        (folder / name).mkdir(parents=True)
    for number, (image, kind, (left, top, right, bottom)) in enumerate(pictures):
        image.save(folder / "JPEGImages" / f"{number:03}.png")
        root = ElementTree.Element("annotation")
        each = ElementTree.SubElement(root, "object")
        ElementTree.SubElement(each, "name").text = kind
        box = ElementTree.SubElement(each, "bndbox")
        sides = zip(
            ("xmin", "ymin", "xmax", "ymax"), (left + 1, top + 1, right, bottom), strict=True
        )
        for side, value in sides:
            ElementTree.SubElement(box, side).text = str(value)
        ElementTree.ElementTree(root).write(folder / "Annotations" / f"{number:03}.xml")
    return folder


def write_yolo(folder: Path, pictures: Sequence[Boxed]) -> Path:
    """A text file for each picture, in shares of it, and the names of the classes."""
    for name in ("images", "labels"):
        (folder / name).mkdir(parents=True)
    for number, (image, kind, (left, top, right, bottom)) in enumerate(pictures):
        image.save(folder / "images" / f"{number:03}.png")
        middle = ((left + right) / 2 / SIDE, (top + bottom) / 2 / SIDE)
        size = ((right - left) / SIDE, (bottom - top) / SIDE)
        numbers = " ".join(f"{value:.6f}" for value in (*middle, *size))
        (folder / "labels" / f"{number:03}.txt").write_text(f"{KINDS.index(kind)} {numbers}\n")
    (folder / "data.yaml").write_text("names: {0: disc, 1: square}\n")
    return folder


def store_boxed(folder: Path, *, count: int = 120, size: int = 32) -> Path:
    """The folder of stage `pixels`, of pictures that are written beside it."""
    source = resolve(str(write_coco(folder / "files", boxed_pictures(count))), "source")
    for name in ("images", "pixels"):
        (folder / name).mkdir()
    silent = Silent()
    prepare_images(DATA, source, [], 0, out=folder / "images", monitor=silent)
    store_pixels(
        Pixels(size=size),
        DATA.columns,
        source,
        images=folder / "images",
        problem=PROBLEM,
        out=folder / "pixels",
        monitor=silent,
    )
    return folder / "pixels"
