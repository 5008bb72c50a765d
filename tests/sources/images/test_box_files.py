"""Boxes in the formats of COCO, Pascal VOC and YOLO are the same boxes; mistakes are named."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from tasks.contract import Silent, StageError
from tasks.data.images.boxes import from_text
from tasks.experiment.images.pictures import PictureColumns
from tasks.sources.images import pictures, resolve
from tasks.stages.images.images import prepare_images
from tests.support.tiny_boxes import DATA, boxed_pictures, write_coco, write_voc, write_yolo
from tests.support.tiny_images import write_pictures

WRITERS = {"coco": write_coco, "voc": write_voc, "yolo": write_yolo}


def read(folder: Path) -> list:
    source = resolve(str(folder), "source")
    return list(pictures(source, PictureColumns(), lambda *_: None))


def prepare(folder: Path, out: Path) -> pd.DataFrame:
    out.mkdir()
    source = resolve(str(folder), "source")
    prepare_images(DATA, source, [], 0, out=out, monitor=Silent())
    return pd.read_parquet(out / "pictures.parquet")


@pytest.mark.parametrize("kind", WRITERS)
def test_the_boxes_are_those_that_were_written(kind: str, tmp_path: Path) -> None:
    given = boxed_pictures(40)
    rows = prepare(WRITERS[kind](tmp_path / "a", given), tmp_path / "out")
    assert len(rows) == 40
    for row in rows.itertuples():
        _, label, corners = given[int(Path(row.image).stem)]
        [box] = from_text(row.label)
        assert box.label == label
        assert box.corners == pytest.approx(corners, abs=0.01)
    facts = json.loads((tmp_path / "out" / "tally.json").read_text())["facts"]
    assert facts["small boxes, below 32 × 32 pixels"] == 40
    assert json.loads((tmp_path / "out" / "labels.json").read_text()) == ["disc", "square"]


def test_splits_are_words_in_names_of_files_and_folders(tmp_path: Path) -> None:
    write_coco(tmp_path / "coco", boxed_pictures(3))
    folder = tmp_path / "coco"
    (folder / "instances.json").rename(folder / "instances_val2017.json")
    assert {each.split for each in read(folder)} == {"validation"}
    write_yolo(tmp_path / "yolo" / "train", boxed_pictures(3))
    assert {each.split for each in read(tmp_path / "yolo")} == {"train"}
    write_voc(tmp_path / "voc", boxed_pictures(3))
    lists = tmp_path / "voc" / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("000\n002\n")
    (lists / "test.txt").write_text("001\n")
    assert [each.split for each in read(tmp_path / "voc")] == ["train", "test", "train"]


def test_a_byte_of_a_file_of_boxes_is_in_the_identity(tmp_path: Path) -> None:
    folder = write_yolo(tmp_path / "a", boxed_pictures(3))
    before = resolve(str(folder), "source").identity
    (folder / "labels" / "001.txt").write_text("0 0.5 0.5 0.2 0.2\n")
    assert resolve(str(folder), "source").identity != before


def test_other_files_beside_pictures_are_no_boxes(tmp_path: Path) -> None:
    write_pictures(tmp_path / "a", 3, 1)
    (tmp_path / "a" / "viewer.xml").write_text("<settings/>")
    (tmp_path / "a" / "notes.json").write_text('{"images": 3}')
    assert [each.label for each in read(tmp_path / "a")] == ["bar", "disc", "frame"]
    assert "2 files are passed over" in resolve(str(tmp_path / "a"), "source").remarks()[0]


def test_a_picture_without_a_text_file_has_no_object(tmp_path: Path) -> None:
    folder = write_yolo(tmp_path / "a", boxed_pictures(3))
    (folder / "labels" / "001.txt").unlink()
    assert [len(each.boxes) for each in read(folder)] == [1, 0, 1]


def test_all_boxes_outside_and_of_no_area_are_named_at_once(tmp_path: Path) -> None:
    folder = write_coco(tmp_path / "a", boxed_pictures(12))
    values = json.loads((folder / "instances.json").read_text())
    values["annotations"][2]["bbox"] = [3, 4, 0, 5]
    values["annotations"][5]["bbox"] = [90, 90, 5, 5]
    values["annotations"][7]["bbox"] = [-9, 2, 12, 12]
    (folder / "instances.json").write_text(json.dumps(values))
    with pytest.raises(StageError) as found:
        prepare(folder, tmp_path / "out")
    said = str(found.value)
    assert said.startswith("downstream.shapes.source: 3 of the pictures cannot be used:")
    for number, what in ((2, "has no area"), (5, "is not in its picture"), (7, "is not in its")):
        assert f"instances.json, annotation {number}: the box" in said
        assert what in said


@pytest.mark.parametrize(
    ("kind", "spoil", "said"),
    [
        (
            "coco",
            lambda f: (f / "instances.json").write_text('{"images": [], "bbox"'),
            "not JSON",
        ),
        (
            "coco",
            lambda f: (f / "instances.json").write_text(
                '{"images": [1], "annotations": [], "categories": [], "file_name": 1}'
            ),
            "images is no list of objects",
        ),
        ("coco", lambda f: shutil.rmtree(f / "images"), "there is no such picture"),
        ("yolo", lambda f: (f / "data.yaml").write_text("names: [a"), "data.yaml: not YAML"),
        (
            "yolo",
            lambda f: (f / "labels" / "001.txt").write_text("7 1 1 1 1"),
            "found the class '7'",
        ),
        (
            "yolo",
            lambda f: (f / "labels" / "001.txt").write_text("0 1 1 x"),
            "accepted: four numbers",
        ),
        ("yolo", lambda f: (f / "images" / "001.png").unlink(), "001.txt"),
        ("voc", lambda f: (f / "Annotations" / "001.xml").write_text("<a>"), "001.xml: not XML"),
        (
            "voc",
            lambda f: (f / "Annotations" / "001.xml").unlink(),
            "the picture has no annotation",
        ),
    ],
)
def test_what_is_wrong_in_a_file_is_said(kind: str, spoil, said: str, tmp_path: Path) -> None:
    folder = WRITERS[kind](tmp_path / "a", boxed_pictures(12))
    spoil(folder)
    with pytest.raises(StageError, match=said):
        prepare(folder, tmp_path / "out")
