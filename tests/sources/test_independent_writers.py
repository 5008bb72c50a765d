"""Each format of pictures is read from files that other libraries wrote, not our own tests.

Their authors read the formats' descriptions without ours: a mistake that our writers of test files
share with our readers shows here.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import datasets
import globox
import idx2numpy
import numpy as np
import pandas as pd
import png
import pytest
from pascal_voc_writer import Writer
from PIL import Image
from pycocotools import mask as outlines

from tasks.contract import Silent
from tasks.data.images.boxes import from_text
from tasks.experiment.images.pictures import Pixels
from tasks.experiment.images.problem import ImageData
from tasks.sources.images import Picture, resolve
from tasks.stages.images.images import prepare_images
from tasks.stages.images.pixels import store_pixels
from tests.support.tiny_boxes import DATA, KINDS, boxed_pictures, edit_coco, read_all

GIVEN = boxed_pictures(40)


OF_MASKS = ImageData(
    name="shapes", problem="semantic-segmentation", source="x", classes=["ground", *KINDS]
)


def prepare(folder: Path, data: ImageData = DATA) -> dict[int, str]:
    """The answers that stage `images` reads from a folder, by the numbers of their pictures."""
    out = folder.with_name("out")
    out.mkdir()
    prepare_images(data, resolve(str(folder), "source"), [], 0, out=out, monitor=Silent())
    rows = pd.read_parquet(out / "pictures.parquet")
    return {int(Path(row.image).stem): row.label for row in rows.itertuples()}


def annotations(files: list[str]) -> globox.AnnotationSet:
    """The boxes of GIVEN as globox has them."""
    found = globox.AnnotationSet()
    for (image, kind, corners), file in zip(GIVEN, files, strict=True):
        box = globox.BoundingBox(
            label=kind, xmin=corners[0], ymin=corners[1], xmax=corners[2], ymax=corners[3]
        )
        found.add(globox.Annotation(image_id=file, image_size=image.size, boxes=[box]))
    return found


def write_images(folder: Path) -> list[str]:
    folder.mkdir(parents=True)
    files = [f"{number:03}.png" for number in range(len(GIVEN))]
    for (image, _, _), file in zip(GIVEN, files, strict=True):
        image.save(folder / file)
    return files


def coco(folder: Path) -> None:
    files = write_images(folder / "images")
    (folder / "annotations").mkdir()
    annotations(files).save_coco(folder / "annotations" / "instances.json", auto_ids=True)


def voc_of_globox(folder: Path) -> None:
    annotations(write_images(folder / "JPEGImages")).save_pascal_voc(folder / "Annotations")


def voc_of_pascal_voc_writer(folder: Path) -> None:
    files = write_images(folder / "JPEGImages")
    (folder / "Annotations").mkdir()
    for (image, kind, corners), file in zip(GIVEN, files, strict=True):
        left, top, right, bottom = corners
        writer = Writer(str(folder / "JPEGImages" / file), *image.size)
        writer.addObject(kind, left + 1, top + 1, right, bottom)
        writer.save(str(folder / "Annotations" / file.replace(".png", ".xml")))


def yolo(folder: Path) -> None:
    found = annotations(write_images(folder / "images"))
    numbers = {kind: number for number, kind in enumerate(KINDS)}
    found.save_yolo_v5(folder / "labels", label_to_id=numbers)
    (folder / "classes.txt").write_text("".join(f"{kind}\n" for kind in KINDS))


@pytest.mark.parametrize("write", [coco, voc_of_globox, voc_of_pascal_voc_writer, yolo])
def test_boxes_are_those_that_another_library_wrote(write: Any, tmp_path: Path) -> None:
    write(tmp_path / "files")
    found = prepare(tmp_path / "files")
    assert found.keys() == {*range(len(GIVEN))}
    # globox counts pixels from 0 in Pascal VOC, which counts them from 1.
    apart = 1.0 if write is voc_of_globox else 0.01
    for number, text in found.items():
        _, label, corners = GIVEN[number]
        [box] = from_text(text)
        assert box.label == label
        assert box.corners == pytest.approx(corners, abs=apart)


def read(folder: Path) -> dict[str, list[Picture]]:
    """The pictures of a folder by their split."""
    found: dict[str, list[Picture]] = {}
    for each in read_all(folder):
        found.setdefault(each.split, []).append(each)
    return found


def pixels(picture: Picture) -> np.ndarray:
    with Image.open(io.BytesIO(picture.data)) as image:
        return np.asarray(image)


def test_idx_is_read_as_idx2numpy_writes_it(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    given = {"train": draw.integers(0, 256, (5, 6, 7), np.uint8)}
    given["t10k"] = draw.integers(0, 256, (3, 6, 7), np.uint8)
    for name, shades in given.items():
        labels = np.arange(len(shades), dtype=np.uint8)
        idx2numpy.convert_to_file(str(tmp_path / f"{name}-images-idx3-ubyte"), shades)
        idx2numpy.convert_to_file(str(tmp_path / f"{name}-labels-idx1-ubyte"), labels)
    found = read(tmp_path)
    for split, name in (("train", "train"), ("test", "t10k")):
        assert [each.label for each in found[split]] == [str(n) for n in range(len(given[name]))]
        assert all(map(np.array_equal, map(pixels, found[split]), given[name]))


def test_parquet_is_read_as_datasets_writes_it(tmp_path: Path) -> None:
    features = datasets.Features(
        {"image": datasets.Image(), "label": datasets.ClassLabel(names=KINDS)}
    )
    for split, some in (("train", GIVEN[:6]), ("test", GIVEN[6:9])):
        rows = {"image": [image for image, _, _ in some], "label": [kind for _, kind, _ in some]}
        table = datasets.Dataset.from_dict(rows, features=features)
        table.to_parquet(tmp_path / f"{split}-00000-of-00001.parquet")
    found = read(tmp_path)
    assert {split: len(some) for split, some in found.items()} == {"train": 6, "test": 3}
    for each, (image, kind, _) in zip([*found["train"], *found["test"]], GIVEN[:9], strict=True):
        assert np.array_equal(pixels(each), np.asarray(image))
        assert each.label in (kind, KINDS.index(kind))


def mask_of(number: int) -> np.ndarray:
    """The box of a picture as a mask: the ground 0, and its kind from 1 on."""
    image, kind, (left, top, right, bottom) = GIVEN[number]
    mask = np.zeros((image.height, image.width), np.uint8)
    mask[top:bottom, left:right] = 1 + KINDS.index(kind)
    return mask


def require_masks(folder: Path, data: ImageData) -> None:
    """Check that the masks of a folder, as they are stored, are those of GIVEN."""
    prepare(folder, data)
    out, found = folder.with_name("pixels"), set()
    out.mkdir()
    store_pixels(
        Pixels(size=GIVEN[0][0].width),
        data.columns,
        resolve(str(folder), "source"),
        images=folder.with_name("out"),
        problem=data.problem,
        out=out,
        monitor=Silent(),
    )
    labels = json.loads((out / "labels.json").read_text())
    places = [["background", "ground"], [KINDS[0]], [KINDS[1]]]
    number = [next(i for i, names in enumerate(places) if label in names) for label in labels]
    for split in ("train", "validation", "test"):
        stored = np.load(out / f"{split}-masks.npy")
        rows = pd.read_parquet(out / f"{split}.parquet")
        for name, place in zip(rows["image"], rows["place"], strict=True):
            picture = int(Path(name).stem)
            assert np.array_equal(np.array(number)[stored[place, ..., 0]], mask_of(picture))
            found.add(picture)
    assert found == {*range(len(GIVEN))}


@pytest.mark.parametrize("depth", [2, 4, 8])
@pytest.mark.parametrize("colours", [[(0, 0, 0), (200, 0, 0), (0, 200, 0)], None])
def test_masks_are_read_as_pypng_writes_them(depth: int, colours: Any, tmp_path: Path) -> None:
    write_images(tmp_path / "files" / "images")
    (tmp_path / "files" / "masks").mkdir()
    how = {"palette": colours} if colours else {"greyscale": True}
    for number, (image, _, _) in enumerate(GIVEN):
        writer = png.Writer(*image.size, bitdepth=depth, **how)
        with (tmp_path / "files" / "masks" / f"{number:03}.png").open("wb") as file:
            writer.write(file, mask_of(number).tolist())
    require_masks(tmp_path / "files", OF_MASKS)


def test_outlines_are_read_as_pycocotools_packs_them(tmp_path: Path) -> None:
    coco(tmp_path / "files")

    def pack(values: dict[str, Any]) -> None:
        numbers = {each["id"]: int(Path(each["file_name"]).stem) for each in values["images"]}
        for row in values["annotations"]:
            inside = np.asfortranarray(mask_of(numbers[row["image_id"]]) > 0, dtype=np.uint8)
            packed = outlines.encode(inside)
            row["segmentation"] = {**packed, "counts": packed["counts"].decode()}

    edit_coco(tmp_path / "files", pack)
    require_masks(tmp_path / "files", OF_MASKS.model_copy(update={"classes": []}))
