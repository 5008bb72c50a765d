"""Boxes in the formats of COCO, Pascal VOC and YOLO are the same boxes; mistakes are named."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from flows.commands.files.pictures import is_pictures
from tasks.contract import Silent, StageError
from tasks.data.images.boxes import from_text
from tasks.sources.images import resolve
from tasks.stages.images.images import prepare_images
from tests.support.tiny_boxes import (
    COCO_FILE,
    DATA,
    annotation_id,
    boxed_pictures,
    edit_coco,
    read_all,
    write_coco,
    write_voc,
    write_yolo,
)
from tests.support.tiny_images import write_pictures

WRITERS = {"coco": write_coco, "voc": write_voc, "yolo": write_yolo}


def prepare(folder: Path, out: Path) -> pd.DataFrame:
    out.mkdir()
    source = resolve(str(folder), "source")
    prepare_images(DATA, source, [], 0, out=out, monitor=Silent())
    return pd.read_parquet(out / "pictures.parquet")


def cut_in_half(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


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
    (folder / COCO_FILE).rename(folder / "annotations" / "instances_val2017.json")
    assert {each.split for each in read_all(folder)} == {"validation"}
    write_yolo(tmp_path / "yolo" / "train", boxed_pictures(3))
    assert {each.split for each in read_all(tmp_path / "yolo")} == {"train"}
    write_voc(tmp_path / "voc", boxed_pictures(3))
    lists = tmp_path / "voc" / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("000\n002\n")
    (lists / "test.txt").write_text("001\n")
    assert [each.split for each in read_all(tmp_path / "voc")] == ["train", "test", "train"]


def test_a_byte_of_a_file_of_boxes_is_in_the_identity(tmp_path: Path) -> None:
    folder = write_yolo(tmp_path / "a", boxed_pictures(3))
    before = resolve(str(folder), "source").identity
    (folder / "labels" / "001.txt").write_text("0 0.5 0.5 0.2 0.2\n")
    assert resolve(str(folder), "source").identity != before


def test_boxes_for_a_picture_of_another_size_are_refused(tmp_path: Path) -> None:
    folder = write_coco(tmp_path / "a", boxed_pictures(12))
    edit_coco(folder, lambda v: v["images"][3].update(width=10, height=999))
    with pytest.raises(StageError) as found:
        prepare(folder, tmp_path / "out")
    assert "1 of the pictures cannot be used" in str(found.value)
    said = f"{COCO_FILE}: 003.png: its boxes are for 10 × 999 pixels, and the file has 20 × 20"
    assert said in str(found.value)


def test_crowds_are_counted_apart(tmp_path: Path) -> None:
    folder = write_coco(tmp_path / "a", boxed_pictures(40))
    edit_coco(folder, lambda v: v["annotations"][3].update(iscrowd=1))
    rows = prepare(folder, tmp_path / "out")
    [crowd] = [box for text in rows["label"] for box in from_text(text) if box.crowd]
    assert crowd.label in ("disc", "square")
    tally = json.loads((tmp_path / "out" / "tally.json").read_text())
    assert tally["facts"]["crowds and difficult objects, neither learnt nor measured"] == 1
    assert sum(sum(each.values()) for each in tally["balance"].values()) == 39


def test_without_any_box_there_is_nothing_to_learn(tmp_path: Path) -> None:
    folder = write_coco(tmp_path / "a", boxed_pictures(40))
    edit_coco(folder, lambda v: v.update(annotations=[]))
    with pytest.raises(
        StageError, match=r"no box in the .* training pictures; at least one is needed"
    ):
        prepare(folder, tmp_path / "out")


@pytest.mark.parametrize("kind", WRITERS)
def test_temper_data_knows_a_folder_with_boxes(kind: str, tmp_path: Path) -> None:
    folder = WRITERS[kind](tmp_path / "a", boxed_pictures(3))
    assert is_pictures(str(folder), "")
    for number in range(9):
        (folder / f"{number}.docx").write_text("")
    assert not is_pictures(str(folder), "")


def test_other_files_beside_pictures_are_no_boxes(tmp_path: Path) -> None:
    write_pictures(tmp_path / "a", 3, 1)
    (tmp_path / "a" / "viewer.xml").write_text("<settings/>")
    (tmp_path / "a" / "notes.json").write_text('{"images": 3}')
    assert [each.label for each in read_all(tmp_path / "a")] == ["bar", "disc", "frame"]
    assert "2 files are passed over" in resolve(str(tmp_path / "a"), "source").remarks()[0]


def test_a_picture_without_a_text_file_has_no_object(tmp_path: Path) -> None:
    folder = write_yolo(tmp_path / "a", boxed_pictures(3))
    (folder / "labels" / "001.txt").unlink()
    assert [len(each.boxes) for each in read_all(folder)] == [1, 0, 1]


def test_all_boxes_outside_and_of_no_area_are_named_at_once(tmp_path: Path) -> None:
    folder = write_coco(tmp_path / "a", boxed_pictures(12))
    wrong = {2: [3, 4, 0, 5], 5: [90, 90, 5, 5], 7: [-9, 2, 12, 12]}
    edit_coco(folder, lambda v: [v["annotations"][n].update(bbox=box) for n, box in wrong.items()])
    with pytest.raises(StageError) as found:
        prepare(folder, tmp_path / "out")
    said = str(found.value)
    assert said.startswith("downstream.shapes.source: 3 of the pictures cannot be used:")
    for number, what in ((2, "has no area"), (5, "is not in its picture"), (7, "is not in its")):
        assert f"{COCO_FILE}, annotation {annotation_id(number)}: the box" in said
        assert what in said


def in_coco(part: str, **changes: object) -> Callable[[Path], object]:
    """The first annotation or category has other values."""

    def spoil(folder: Path) -> None:
        values = json.loads((folder / COCO_FILE).read_text())
        values[part][0] |= changes
        (folder / COCO_FILE).write_text(json.dumps(values))

    return spoil


@pytest.mark.parametrize(
    ("kind", "spoil", "said"),
    [
        ("coco", lambda f: cut_in_half(f / COCO_FILE), "not JSON"),
        ("coco", lambda f: shutil.rmtree(f / "images"), "there is no such picture"),
        ("coco", in_coco("annotations", bbox=[True] * 4), r"the box \[True, .*accepted: four"),
        ("coco", in_coco("categories", name=None), "found the name None; accepted: text"),
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
