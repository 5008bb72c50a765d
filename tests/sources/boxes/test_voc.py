"""Pascal VOC's files: difficult objects, sizes, and XML that is none of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.contract import StageError
from tasks.sources.images import resolve
from tests.support.tiny_boxes import boxed_pictures, read_all, write_voc


def change(folder: Path, old: str, new: str, number: int = 1) -> None:
    file = folder / "Annotations" / f"{number:03}.xml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_a_difficult_object_is_known_as_one(tmp_path: Path) -> None:
    folder = write_voc(tmp_path / "a", boxed_pictures(2))
    change(folder, "<difficult>0<", "<difficult>1<")
    assert [[box.crowd for box in each.boxes] for each in read_all(folder)] == [[False], [True]]


def test_the_size_that_a_file_has_is_kept(tmp_path: Path) -> None:
    folder = write_voc(tmp_path / "a", boxed_pictures(2))
    change(folder, "<width>20<", "<width>99<")
    change(folder, "<width>20<", "<width>0<", 0)
    assert [each.declared for each in read_all(folder)] == [None, (99, 20)]


def test_all_mistakes_of_a_file_are_the_problem_of_its_picture(tmp_path: Path) -> None:
    folder = write_voc(tmp_path / "a", boxed_pictures(3))
    text = (folder / "Annotations" / "001.xml").read_text()
    thing = text[text.index("<object>") : text.index("</annotation>")]
    change(folder, thing, thing + thing + thing)
    change(folder, "<xmin>", "<xmin>x")
    (folder / "Annotations" / "002.xml").write_text('<?xml version="1.0" encoding="odd"?><a/>')
    first, second, third = read_all(folder)
    assert not first.problem
    assert [f"object {n}: found the box" in second.problem for n in (1, 2, 3)] == [True] * 3
    assert third.problem.startswith("Annotations/002.xml: not XML")


def test_a_list_of_a_split_in_another_encoding_is_refused(tmp_path: Path) -> None:
    folder = write_voc(tmp_path / "a", boxed_pictures(2))
    (folder / "ImageSets" / "Main").mkdir(parents=True)
    (folder / "ImageSets" / "Main" / "train.txt").write_text("é", encoding="latin-1")
    with pytest.raises(StageError, match=r"ImageSets/Main/train\.txt: not UTF-8"):
        read_all(folder)


def test_a_picture_in_no_list_of_a_split_is_remarked_on(tmp_path: Path) -> None:
    folder = write_voc(tmp_path / "a", boxed_pictures(2))
    (folder / "ImageSets" / "Main").mkdir(parents=True)
    (folder / "ImageSets" / "Main" / "test.txt").write_text("001\n")
    said = "no list in ImageSets/Main/ has 1 pictures, such as JPEGImages/000.png"
    assert resolve(str(folder), "source").remarks() == [said]
    assert [each.split for each in read_all(folder)] == ["", "test"]


def test_xml_of_other_programs_is_passed_over(tmp_path: Path) -> None:
    folder = write_voc(tmp_path / "a", boxed_pictures(2))
    (folder / "notes.xml").write_text("<notes/>")
    assert [each.problem for each in read_all(folder)] == ["", ""]
