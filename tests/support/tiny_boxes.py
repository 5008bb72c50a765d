"""Pictures of shapes with boxes, in the three formats, and as stage `pixels` stores them."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from tasks.contract import Silent
from tasks.experiment.images.pictures import Pixels
from tasks.experiment.images.problem import ImageData, LabelledColumns
from tasks.sources.images import Picture, resolve
from tasks.sources.images import pictures as read_pictures
from tasks.stages.images.images import prepare_images
from tasks.stages.images.pixels import store_pixels
from tests.support.tiny_masks import masked_picture

KINDS = ["disc", "square"]
COCO_FILE = "annotations/instances.json"
COCO_IDS = {"square": 18, "disc": 3}  # neither in order nor without gaps
YOLO_CLASSES = ["square", "ring", "disc"]  # of which there is no ring
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


def write_coco(folder: Path, pictures: Sequence[Boxed], name: str = COCO_FILE) -> Path:
    """One JSON file with all that those of COCO have, and the pictures in a folder images."""
    (folder / "images").mkdir(parents=True)
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    images, rows = [], []
    for number, (image, kind, (left, top, right, bottom)) in enumerate(pictures):
        image.save(folder / "images" / f"{number:03}.png")
        size = {"width": image.width, "height": image.height}
        images.append(
            {"license": 1, "file_name": f"{number:03}.png", **size, "id": 397_133 + 9 * number}
        )
        wide, high = right - left, bottom - top
        rows.append(
            {
                "segmentation": [[left, top, right, top, right, bottom, left, bottom]],
                "area": wide * high,
                "iscrowd": 0,
                "image_id": images[-1]["id"],
                "bbox": [left, top, wide, high],
                "category_id": COCO_IDS[kind],
                "id": annotation_id(number),
            }
        )
    names = [{"supercategory": "shape", "id": id_, "name": each} for each, id_ in COCO_IDS.items()]
    info = {"description": "shapes", "year": 2026}
    values = {"info": info, "licenses": [{"id": 1, "name": "-"}], "images": images}
    values |= {"annotations": rows, "categories": names}
    (folder / name).write_text(json.dumps(values))
    return folder


def annotation_id(number: int) -> int:
    """The id of the annotation of a picture that `write_coco` writes."""
    return 1_768 + 5 * number


def edit_coco(folder: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    """Change the values of the file that `write_coco` wrote."""
    values = json.loads((folder / COCO_FILE).read_text())
    edit(values)
    (folder / COCO_FILE).write_text(json.dumps(values))


def write_voc(folder: Path, pictures: Sequence[Boxed]) -> Path:
    """An XML file for each picture; its pixels count from 1, and the last is in the box."""
    for name in ("JPEGImages", "Annotations"):
        (folder / name).mkdir(parents=True)
    for number, (image, kind, (left, top, right, bottom)) in enumerate(pictures):
        image.save(folder / "JPEGImages" / f"{number:03}.png")
        (folder / "Annotations" / f"{number:03}.xml").write_text(
            f"""<annotation>
    <folder>VOC2026</folder>
    <filename>{number:03}.png</filename>
    <size><width>{image.width}</width><height>{image.height}</height><depth>1</depth></size>
    <segmented>0</segmented>
    <object>
        <name>{kind}</name>
        <pose>Unspecified</pose>
        <truncated>0</truncated>
        <difficult>0</difficult>
        <bndbox>
            <xmin>{left + 1}</xmin><ymin>{top + 1}</ymin><xmax>{right}</xmax><ymax>{bottom}</ymax>
        </bndbox>
    </object>
</annotation>
"""
        )
    return folder


def write_yolo(folder: Path, pictures: Sequence[Boxed]) -> Path:
    """A text file for each picture, in shares of it, and the names of the classes."""
    for name in ("images", "labels"):
        (folder / name).mkdir(parents=True)
    for number, (image, kind, (left, top, right, bottom)) in enumerate(pictures):
        image.save(folder / "images" / f"{number:03}.png")
        middle = ((left + right) / 2 / image.width, (top + bottom) / 2 / image.height)
        size = ((right - left) / image.width, (bottom - top) / image.height)
        numbers = " ".join(f"{value:.6f}" for value in (*middle, *size))
        line = f"{YOLO_CLASSES.index(kind)} {numbers}\n"
        (folder / "labels" / f"{number:03}.txt").write_text(line)
    names = "".join(f"  {i}: {name}\n" for i, name in enumerate(YOLO_CLASSES))
    (folder / "data.yaml").write_text(f"path: ../shapes\nnc: 3\nnames:\n{names}")
    return folder


def read_all(folder: Path) -> list[Picture]:
    """The pictures of a folder as its source yields them."""
    source = resolve(str(folder), "source")
    return list(read_pictures(source, LabelledColumns(), lambda *_: None))


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
