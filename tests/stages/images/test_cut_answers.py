"""What a crop cuts off of wide pictures: boxes and masks are counted, and none left is an error."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tasks.contract import Silent, StageError
from tasks.data.images.boxes import from_text
from tasks.data.images.masks import placed
from tasks.experiment.images.pictures import Pixels
from tasks.experiment.images.problem import ImageData
from tasks.sources.images import resolve
from tasks.stages.images.images import prepare_images
from tasks.stages.images.pixels import store_pixels

WIDE, HIGH, COUNT, SIZE = 80, 20, 24, 16
CLASSES = ["ground", "thing"]
BOXED = ImageData(name="wide", problem="object-detection", source="x")
MASKED = ImageData(name="wide", problem="semantic-segmentation", source="x", classes=CLASSES)


class Told(Silent):
    """Keeps what is said."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)


def ground(number: int) -> Image.Image:
    draw = np.random.default_rng(number)
    return Image.fromarray(draw.integers(0, 255, (HIGH, WIDE), dtype=np.uint8))


def write_boxes(folder: Path, lefts: list[int]) -> Path:
    """Wide pictures with an object of 10 pixels in each, as COCO has it."""
    (folder / "images").mkdir(parents=True)
    rows = []
    for number, left in enumerate(lefts):
        ground(number).save(folder / "images" / f"{number:03}.png")
        rows.append({"id": number, "image_id": number, "category_id": 1, "bbox": [left, 5, 10, 10]})
    images = [
        {"id": number, "file_name": f"{number:03}.png", "width": WIDE, "height": HIGH}
        for number in range(len(lefts))
    ]
    names = [{"id": 1, "name": "thing"}]
    values = {"images": images, "annotations": rows, "categories": names}
    (folder / "instances.json").write_text(json.dumps(values))
    return folder


def write_masks(folder: Path, left: int) -> Path:
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for number in range(COUNT):
        ground(number).save(folder / "images" / f"{number:03}.png")
        mask = np.zeros((HIGH, WIDE), np.uint8)
        mask[5:15, left : left + 10] = 1
        Image.fromarray(mask).save(folder / "masks" / f"{number:03}.png")
    return folder


def store(files: Path, data: ImageData, fit: str) -> tuple[Path, str]:
    """The folder of stage `pixels`, and what it says."""
    source, monitor = resolve(str(files), "source"), Told()
    out = {name: files.parent / f"{name}-{fit}" for name in ("images", "pixels")}
    for folder in out.values():
        folder.mkdir()
    prepare_images(data, source, [], 0, out=out["images"], monitor=Silent())
    store_pixels(
        Pixels(size=SIZE, fit=fit),
        data.columns,
        source,
        images=out["images"],
        problem=data.problem,
        out=out["pixels"],
        monitor=monitor,
    )
    return out["pixels"], "\n".join(monitor.said)


def test_boxes_outside_of_the_middle_square_are_counted(tmp_path: Path) -> None:
    lefts = [(0, 32, 22, 32)[number % 4] for number in range(COUNT)]  # columns 30 to 50 are shown
    folder, said = store(write_boxes(tmp_path / "files", lefts), BOXED, "crop")
    assert "boxes of which less than 30% is in the middle square" in said
    assert "pixels.fit: stretch" in said
    assert ": 12, for example" in said
    tables = [pd.read_parquet(file) for file in folder.glob("*.parquet")]
    found = [from_text(text) for table in tables for text in table["label"]]
    assert [sum(len(each) == size for each in found) for size in (0, 1)] == [6, 18]
    scale = SIZE / HIGH
    for is_crowd, left, right in ((False, 2, 12), (True, 0, 2)):
        chosen = [each[0] for each in found if each and each[0].crowd == is_crowd]
        assert len(chosen) == (6 if is_crowd else 12)
        assert chosen[0].corners == pytest.approx(
            [left * scale, 5 * scale, right * scale, 15 * scale], abs=0.01
        )


def test_a_crop_that_leaves_no_box_is_refused_and_stretch_keeps_all(tmp_path: Path) -> None:
    files = write_boxes(tmp_path / "files", [0] * COUNT)
    with pytest.raises(StageError, match=r"pixels.fit: found 'crop'.* none of the .* boxes"):
        store(files, BOXED, "crop")
    folder, said = store(files, BOXED, "stretch")
    assert not said
    for text in pd.read_parquet(folder / "test.parquet")["label"]:
        [box] = from_text(text)
        assert box.corners == pytest.approx([0, 4, 2, 12], abs=0.01)


def test_pixels_of_masks_outside_of_the_middle_square_are_counted(tmp_path: Path) -> None:
    files = write_masks(tmp_path / "files", 45)  # half of each thing is beyond column 50
    folder, said = store(files, MASKED, "crop")
    assert "75% of all; ground 77%, thing 50%" in said
    assert "pixels.fit: stretch keeps them" in said
    assert f": {COUNT * 60 * HIGH:,}" in said
    for text in pd.read_parquet(folder / "test.parquet")["label"]:
        assert (placed(text, CLASSES) == 1).sum() == 8 * 4
    _, whole = store(files, MASKED, "stretch")
    assert "cut off" not in whole


def test_pictures_of_which_nothing_counts_are_left_out_and_counted(tmp_path: Path) -> None:
    files = write_masks(tmp_path / "files", 35)
    for number in range(3):
        Image.new("L", (WIDE, HIGH), 255).save(files / "masks" / f"{number:03}.png")
    out, monitor = tmp_path / "out", Told()
    out.mkdir()
    data = MASKED.model_copy(update={"ignore": 255})
    prepare_images(data, resolve(str(files), "source"), [], 0, out=out, monitor=monitor)
    assert len(pd.read_parquet(out / "pictures.parquet")) == COUNT - 3
    assert any("left out: pictures whose masks have the ignored" in line for line in monitor.said)


def test_masks_of_0_and_255_are_told_that_255_is_ignored(tmp_path: Path) -> None:
    files = write_masks(tmp_path / "files", 35)
    for file in (files / "masks").iterdir():
        with Image.open(file) as mask:
            drawn = mask.point(lambda value: 255 * value)
        drawn.save(file)
    data = ImageData(name="wide", problem="semantic-segmentation", source="x")
    out = tmp_path / "out"
    out.mkdir()
    source = resolve(str(files), "source")
    with pytest.raises(StageError, match=r"\(0\), but for those of 255.*wide\.ignore: -1"):
        prepare_images(data, source, [], 0, out=out, monitor=Silent())
