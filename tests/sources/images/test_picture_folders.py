"""Folders of classes, and of pictures and masks: what is a split, and what is beside them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tasks.experiment.images.problem import ImageData
from tasks.sources.images import resolve
from tests.support.tiny_boxes import read_all
from tests.support.tiny_images import write_pictures
from tests.support.tiny_masks import write_masked


def test_a_folder_below_images_and_masks_is_the_split(tmp_path: Path) -> None:
    folder = write_masked(tmp_path / "a", 4)
    for kind in ("images", "masks"):
        for split, numbers in (("train", (0, 1)), ("test", (2, 3))):
            (folder / kind / split).mkdir()
            for number in numbers:
                [file] = (folder / kind).glob(f"{number:03}.*")
                file.rename(folder / kind / split / file.name)
    found = {each.name: (each.split, each.mask.where) for each in read_all(folder)}
    assert {name.split("/")[1]: split for name, (split, _) in found.items()} == {
        "train": "train",
        "test": "test",
    }
    for name, (split, mask) in found.items():
        assert mask.startswith(f"masks/{split}/{Path(name).stem}.")


def test_a_picture_beside_images_and_masks_is_passed_over_and_said(tmp_path: Path) -> None:
    folder = write_masked(tmp_path / "a", 3)
    before = resolve(str(folder), "source").identity
    write_pictures(tmp_path / "b", 1, 1)
    [preview] = (tmp_path / "b").rglob("*.png")
    preview.rename(folder / "preview.png")
    source = resolve(str(folder), "source")
    assert source.identity == before
    assert all(each.mask for each in read_all(folder))
    said = "a picture is passed over, as the folders images and masks do not have them"
    assert source.remarks() == [f"{said}, such as preview.png"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("bar/notes.xml", "<notes/>"),
        ("bar/000.xml", "<settings/>"),  # of the name of a picture
        ("info.json", '{"images": 12}'),
        ("info.json", json.dumps({"images": [{"file_name": "bar/000.png"}], "categories": []})),
        ("labels/notes.txt", "no boxes"),
    ],
)
def test_other_files_leave_folders_of_classes_as_they_are(name, text, tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "a", 3, 1)
    before = [(each.name, each.label) for each in read_all(folder)]
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    assert [(each.name, each.label) for each in read_all(folder)] == before


def test_a_blank_cell_of_a_column_of_masks_is_no_mask(tmp_path: Path) -> None:
    write_masked(tmp_path, 2)
    with (tmp_path / "all.csv").open("w", newline="") as file:
        rows = [["image", "label", "mask"], ["images/000.png", "a", " "]]
        csv.writer(file).writerows([*rows, ["images/001.png", "b", "masks/missing.png"]])
    first, second = read_all(tmp_path / "all.csv")
    assert first.mask is None
    assert second.mask.problem.startswith("cannot be read")
    assert [each.problem for each in (first, second)] == ["", ""]
    (tmp_path / "all.csv").unlink()
    rows = [{"image": "images/000.png", "label": "a", "mask": mask} for mask in (None, 7)]
    (tmp_path / "all.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    first, second = read_all(tmp_path / "all.jsonl")
    assert first.mask is None
    assert second.mask.problem.startswith("the mask: found 7")
    assert ImageData().columns.mask == "mask", "classification is given the column too"
