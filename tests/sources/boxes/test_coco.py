"""COCO's files, as its archive has them: pictures are found, and all mistakes named."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tasks.contract import StageError
from tasks.sources.images import resolve
from tests.support.tiny_boxes import (
    COCO_FILE,
    annotation_id,
    boxed_pictures,
    edit_coco,
    read_all,
    write_coco,
)


def remarks(folder: Path) -> list[str]:
    return resolve(str(folder), "source").remarks()


def test_a_crowd_is_known_as_one(tmp_path: Path) -> None:
    folder = write_coco(tmp_path / "a", boxed_pictures(2))
    edit_coco(folder, lambda v: v["annotations"][1].update(iscrowd=1))
    assert [[box.crowd for box in each.boxes] for each in read_all(folder)] == [[False], [True]]


def test_the_size_that_a_file_has_for_a_picture_is_kept(tmp_path: Path) -> None:
    folder = write_coco(tmp_path / "a", boxed_pictures(3))
    edit_coco(folder, lambda v: v["images"][1].update(width=0))
    edit_coco(folder, lambda v: v["images"][2].pop("height"))
    assert [each.declared for each in read_all(folder)] == [(20, 20), None, None]


def test_the_archive_of_coco_is_read_as_it_is(tmp_path: Path) -> None:
    """Pictures in folders of splits, and files of captions beside those of boxes."""
    annotations = tmp_path / "all" / "annotations"
    annotations.mkdir(parents=True)
    for split in ("train", "val"):
        folder = write_coco(tmp_path / split, boxed_pictures(2), f"instances_{split}2017.json")
        (folder / "images").rename(tmp_path / "all" / f"{split}2017")
        (folder / f"instances_{split}2017.json").rename(annotations / f"instances_{split}2017.json")
    caption = {"image_id": 397_133, "id": 1, "caption": "a shape"}
    values = {"images": [{"id": 397_133, "file_name": "000.png"}], "annotations": [caption]}
    (annotations / "captions_val2017.json").write_text(json.dumps(values))
    found = {each.name: (each.split, each.problem) for each in read_all(tmp_path / "all")}
    assert found == {
        "train2017/000.png": ("train", ""),
        "train2017/001.png": ("train", ""),
        "val2017/000.png": ("validation", ""),
        "val2017/001.png": ("validation", ""),
    }
    said = "annotations/captions_val2017.json is passed over: it has no categories"
    assert said in remarks(tmp_path / "all")


def test_a_picture_of_another_split_is_no_picture_of_the_file(tmp_path: Path) -> None:
    folder = write_coco(tmp_path / "a", boxed_pictures(1), "annotations/train.json")
    (folder / "images").rename(folder / "test")
    [found] = read_all(folder)
    assert found.problem == "there is no such picture"


def test_a_name_of_two_pictures_is_refused_unless_one_is_nearer(tmp_path: Path) -> None:
    folder = write_coco(tmp_path / "a", boxed_pictures(1))
    shutil.copytree(folder / "images", folder / "small")
    [found] = read_all(folder)
    assert (found.name, found.problem) == ("images/000.png", "")
    (folder / "images").rename(folder / "large")
    [found] = read_all(folder)
    assert found.problem.startswith("2 pictures have this name: large/000.png, small/000.png")


def test_the_folder_of_a_picture_is_its_split_where_the_file_has_none(tmp_path: Path) -> None:
    folder = write_coco(tmp_path / "a", boxed_pictures(1))
    (folder / "images").rename(folder / "test")
    assert [each.split for each in read_all(folder)] == ["test"]


def test_a_picture_in_two_files_is_refused(tmp_path: Path) -> None:
    folder = write_coco(tmp_path / "a", boxed_pictures(2))
    shutil.copy(folder / COCO_FILE, folder / "annotations" / "person_keypoints.json")
    with pytest.raises(StageError) as found:
        read_all(folder)
    assert f"the picture is in {COCO_FILE} too" in str(found.value)
    assert "annotations/person_keypoints.json: 000.png" in str(found.value)
    shutil.rmtree(folder / "images")  # of missing pictures, this cannot be told
    assert {each.problem for each in read_all(folder)} == {"there is no such picture"}


def test_a_picture_that_no_file_names_is_said_and_not_in_the_identity(tmp_path: Path) -> None:
    folder = write_coco(tmp_path / "a", boxed_pictures(2))
    before = resolve(str(folder), "source").identity
    shutil.copy(folder / "images" / "000.png", folder / "extra.png")
    assert resolve(str(folder), "source").identity == before
    expected = "a picture is passed over, which no file of boxes names, such as extra.png"
    assert remarks(folder) == [expected]


def test_all_mistakes_of_a_picture_are_its_problem(tmp_path: Path) -> None:
    folder = write_coco(tmp_path / "a", boxed_pictures(4))
    edit_coco(folder, lambda v: v["annotations"][1].update(bbox=[1, 2, "x", 4]))
    edit_coco(folder, lambda v: v["annotations"][2].update(category_id=[7]))
    edit_coco(folder, lambda v: v["annotations"][2].update(image_id=v["images"][1]["id"]))
    edit_coco(folder, lambda v: v["annotations"][3].update(image_id=-1))
    read = []
    source = resolve(str(folder), "source")
    with pytest.raises(StageError, match=f"annotation {annotation_id(3)}: no image has the id -1"):
        read.extend(read_all(folder))
    assert source.remarks() == []
    edit_coco(folder, lambda v: v["annotations"].pop())
    problem = read_all(folder)[1].problem
    assert f"annotation {annotation_id(1)}: found the box [1, 2, 'x', 4]" in problem
    assert f"annotation {annotation_id(2)}: no category has the id [7]" in problem


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda v: v.update(annotations=None), "annotations: found None; accepted: a list"),
        (lambda v: v["images"].append(7), "images, entry 2: found 7; accepted: an object"),
        (lambda v: v["images"][1].update(id=[1]), r"entry 1: found the id \[1\]"),
        (lambda v: v["images"][1].update(id=397_133), "two have the id 397133"),
        (lambda v: v["categories"][0].pop("name"), "found the name None; accepted: text"),
        (lambda v: v["categories"][0].update(name=" "), "found the name ' '"),
        (lambda v: v["images"][1].update(id=True), "images, entry 1: found the id True"),
    ],
)
def test_what_is_no_file_of_coco_is_refused_with_its_place(edit, said, tmp_path: Path) -> None:
    folder = write_coco(tmp_path / "a", boxed_pictures(2))
    edit_coco(folder, edit)
    with pytest.raises(StageError, match=said):
        read_all(folder)


def test_a_byte_order_mark_is_read_and_another_encoding_refused(tmp_path: Path) -> None:
    folder = write_coco(tmp_path / "a", boxed_pictures(2))
    text = (folder / COCO_FILE).read_text()
    (folder / COCO_FILE).write_text(text, encoding="utf-8-sig")
    assert len(read_all(folder)) == 2
    (folder / COCO_FILE).write_text(text.replace("square", "carré"), encoding="latin-1")
    with pytest.raises(StageError, match=r"instances\.json: not JSON: 'utf-8' codec"):
        read_all(folder)


def test_a_key_that_is_twice_in_an_object_is_an_error(tmp_path: Path) -> None:
    """A reader that keeps the last one drops boxes in silence."""
    folder = write_coco(tmp_path / "a", boxed_pictures(2))
    text = (folder / COCO_FILE).read_text()
    (folder / COCO_FILE).write_text('{"annotations": [], ' + text.lstrip()[1:])
    with pytest.raises(StageError, match=r"instances\.json: the key 'annotations' is twice"):
        read_all(folder)


def test_an_object_without_a_segmentation_beside_others_is_a_region_without_a_shape(
    tmp_path: Path,
) -> None:
    folder = write_coco(tmp_path / "a", boxed_pictures(2))
    polygon = [[2, 2, 9, 2, 9, 9]]
    edit_coco(folder, lambda v: v["annotations"][0].update(segmentation=polygon))
    edit_coco(folder, lambda v: v["annotations"][1].update(segmentation=[]))
    found = [each.mask.regions for each in read_all(folder)]
    assert [[region.shape for region in each] for each in found] == [[polygon], [None]]
