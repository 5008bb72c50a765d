"""Masks from COCO's polygons and runs, as `pycocotools` itself writes them."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools import mask as masks

from tasks.contract import Silent, StageError
from tasks.data.images.picture import Region
from tasks.data.images.pixel_arrays import open_pixels
from tasks.data.images.regions import draw
from tasks.experiment.images.pictures import Pixels
from tasks.experiment.images.problem import ImageData
from tasks.models.answering import read_labels
from tasks.sources.images import resolve
from tasks.stages.images.images import prepare_images
from tasks.stages.images.pixels import store_pixels
from tests.support.tiny_masks import PROBLEM, SIDE, masked_picture

NAMES = {7: "square", 3: "disc"}  # ids, neither in order nor without gaps
DATA = ImageData(name="shapes", problem=PROBLEM, source="x")
COUNT = 30
SQUARE = [2.0, 3.0, 6.0, 3.0, 6.0, 9.0, 2.0, 9.0]


def write_coco(
    folder: Path, edit: Callable[[list[dict[str, Any]]], object] = lambda _: None
) -> list[np.ndarray]:
    """Pictures with the runs of their shapes in COCO's file; their masks by number."""
    (folder / "images").mkdir(parents=True)
    shapes, random_ = [], random.Random(1)
    images, annotations = [], []
    for number in range(COUNT):
        image, mask = masked_picture(random_)
        image.save(folder / "images" / f"{number:03}.png")
        values = np.asarray(mask)
        runs = masks.encode(np.asfortranarray(values > 0, dtype=np.uint8))
        images.append({"id": number, "file_name": f"{number:03}.png"})
        annotations.append(
            {
                "id": number,
                "image_id": number,
                "category_id": 7 if values.max() == 1 else 3,
                "bbox": masks.toBbox(runs).tolist(),
                "segmentation": {"size": runs["size"], "counts": runs["counts"].decode()},
            }
        )
        shapes.append(values)
    edit(annotations)
    file = {"images": images, "annotations": annotations}
    file["categories"] = [{"id": id_, "name": name} for id_, name in NAMES.items()]
    (folder / "instances.json").write_text(json.dumps(file))
    return shapes


def prepare(folder: Path, out: Path, data: ImageData = DATA) -> None:
    for name in ("images", "pixels"):
        (out / name).mkdir(parents=True)
    source = resolve(str(folder), "source")
    prepare_images(data, source, [], 0, out=out / "images", monitor=Silent())
    store_pixels(
        Pixels(size=SIDE),
        data.columns,
        source,
        images=out / "images",
        problem=PROBLEM,
        out=out / "pixels",
        monitor=Silent(),
    )


def test_runs_become_the_masks_that_they_were_made_of(tmp_path: Path) -> None:
    shapes = write_coco(tmp_path / "a")
    prepare(tmp_path / "a", tmp_path / "out")
    assert read_labels(tmp_path / "out" / "pixels") == ["background", "disc", "square"]
    place = np.array([0, 2, 1])  # of the numbers of the drawn masks among these names
    wanted = sorted(place[shape].tobytes() for shape in shapes)
    stored = [
        mask.astype(np.int64).tobytes()
        for split in ("train", "validation", "test")
        for mask in open_pixels(tmp_path / "out" / "pixels", f"{split}-masks")[..., 0]
    ]
    assert sorted(stored) == wanted


def test_polygons_are_filled_and_the_later_one_lies_above() -> None:
    inner = [4.0, 3.0, 6.0, 3.0, 6.0, 9.0, 4.0, 9.0]
    found = draw([Region(1, [SQUARE], "a"), Region(2, [inner], "b")], (10, 12))
    assert found.shape == (12, 10)
    assert (found[3:9, 2:4] == 1).all()
    assert (found[3:9, 4:6] == 2).all()
    assert (found > 0).sum() == 6 * 4


def test_all_bad_regions_are_named_at_once(tmp_path: Path) -> None:
    def edit(annotations: list[dict[str, Any]]) -> None:
        annotations[0]["segmentation"]["size"] = [5, 5]
        annotations[1]["segmentation"] = [[1, 2, 3, 4, 5]]
        annotations[2]["segmentation"] = {"size": [SIDE, SIDE], "counts": [1, 2]}
        annotations[3]["segmentation"] = "all of it"

    write_coco(tmp_path / "a", edit)
    with pytest.raises(StageError) as found:
        prepare(tmp_path / "a", tmp_path / "out")
    said = str(found.value)
    assert "4 of the pictures cannot be used" in said
    assert "annotation 0: the segmentation has the size [5, 5] and the picture [20, 20]" in said
    assert "annotation 1: found the segmentation [[1, 2, 3, 4, 5]]; accepted: polygons" in said


def test_a_category_that_is_no_class_is_named(tmp_path: Path) -> None:
    write_coco(tmp_path / "a")
    data = DATA.model_copy(update={"classes": ["background", "square"]})
    with pytest.raises(StageError, match="found the category 'disc'; accepted: those of"):
        prepare(tmp_path / "a", tmp_path / "out", data)
