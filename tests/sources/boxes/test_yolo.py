"""YOLO's folders: classes by number, and pictures that have no text file."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tasks.contract import StageError
from tasks.sources.images import resolve
from tests.support.tiny_boxes import boxed_pictures, read_all, write_yolo


def test_classes_are_known_by_their_numbers(tmp_path: Path) -> None:
    folder = write_yolo(tmp_path / "a", boxed_pictures(3))
    for number, class_ in enumerate((1, 2, 10)):
        (folder / "labels" / f"{number:03}.txt").write_text(f"{class_} 0.5 0.5 0.2 0.2")
    (folder / "data.yaml").write_text("names: {'10': c, '1': a, 2: b}")
    assert [each.boxes[0].label for each in read_all(folder)] == ["a", "b", "c"]
    (folder / "labels" / "000.txt").write_text("0 0.5 0.5 0.2 0.2")
    assert read_all(folder)[0].problem.endswith("found the class '0'; accepted: 1, 2, 10")


def test_a_blank_line_among_the_names_keeps_its_number(tmp_path: Path) -> None:
    folder = write_yolo(tmp_path / "a", boxed_pictures(1))
    (folder / "data.yaml").unlink()
    (folder / "labels" / "classes.txt").write_text("ring\n\ndisc\n")
    (folder / "labels" / "000.txt").write_text("2 0.5 0.5 0.2 0.2")
    assert [each.boxes[0].label for each in read_all(folder)] == ["disc"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("names: coco.names", "names is 'coco.names'; accepted: a list, or numbers with names"),
        ("names: {0: a, b: c}", "accepted: a list, or numbers with names"),
        ("[a, b]", "found .'a', 'b'.; accepted: fields"),
        ("names: [a", "data.yaml: not YAML"),
        ("names: [é]", "data.yaml: not UTF-8"),
    ],
)
def test_names_that_cannot_be_read_are_refused(text: str, said: str, tmp_path: Path) -> None:
    folder = write_yolo(tmp_path / "a", boxed_pictures(2))
    (folder / "data.yaml").write_text(text, encoding="latin-1")
    with pytest.raises(StageError, match=said) as found:
        read_all(folder)
    assert "data.yaml" in str(found.value)


def test_no_word_of_the_name_of_a_picture_is_its_split(tmp_path: Path) -> None:
    folder = write_yolo(tmp_path / "a", boxed_pictures(3))
    for number, name in enumerate(("test drive", "bullet-train", "eval_3")):
        (folder / "images" / f"{number:03}.png").rename(folder / "images" / f"{name}.png")
        (folder / "labels" / f"{number:03}.txt").rename(folder / "labels" / f"{name}.txt")
    assert {each.split for each in read_all(folder)} == {""}
    for name in ("images", "labels"):
        (folder / name).rename(folder / "moved")
        (folder / name).mkdir()
        (folder / "moved").rename(folder / name / "val2017")
    assert {each.split for each in read_all(folder)} == {"validation"}


def test_pictures_outside_of_images_are_passed_over_and_said(tmp_path: Path) -> None:
    folder = write_yolo(tmp_path / "a", boxed_pictures(2))
    before = resolve(str(folder), "source").identity
    shutil.copy(folder / "images" / "000.png", folder / "preview.png")
    source = resolve(str(folder), "source")
    assert [each.name for each in read_all(folder)] == ["images/000.png", "images/001.png"]
    assert source.identity == before
    expected = "a picture is passed over, as no folder images has them, such as preview.png"
    assert source.remarks() == [expected]


def test_two_pictures_of_one_name_are_refused(tmp_path: Path) -> None:
    folder = write_yolo(tmp_path / "a", boxed_pictures(2))
    shutil.copy(folder / "images" / "001.png", folder / "images" / "001.bmp")
    first, second, third = read_all(folder)
    assert (first.problem, second.problem) == ("", "")
    assert third.problem.startswith("images/001.bmp has the same name; a text file is for one")


def test_a_split_without_any_text_file_is_refused(tmp_path: Path) -> None:
    folder = write_yolo(tmp_path / "a" / "train", boxed_pictures(2)).parent
    write_yolo(folder / "test", boxed_pictures(2))
    shutil.rmtree(folder / "test" / "labels")
    with pytest.raises(StageError, match="none of the 2 test pictures has a text file"):
        read_all(folder)


def test_all_mistakes_of_a_file_are_the_problem_of_its_picture(tmp_path: Path) -> None:
    folder = write_yolo(tmp_path / "a", boxed_pictures(2))
    (folder / "labels" / "000.txt").write_text("9 1 1 1 1\n0 1 1 1 1\n² 1 1 1 1\n0 1 1 x\n")
    (folder / "labels" / "001.txt").write_text("é", encoding="latin-1")
    first, second = read_all(folder)
    assert [f"line {number}: found" in first.problem for number in (1, 2, 3, 4)] == [
        True,
        False,
        True,
        True,
    ]
    assert second.problem.startswith("labels/001.txt: not UTF-8")


def test_two_text_files_of_a_picture_are_refused_and_many_mistakes_cut_short(tmp_path) -> None:
    folder = write_yolo(tmp_path / "a", boxed_pictures(2))
    (folder / "labels" / "000.txt").write_text("x\n" * 40)
    assert read_all(folder)[0].problem.endswith("\n  and 30 more")
    (folder / "labels" / "images").mkdir()
    (folder / "labels" / "images" / "000.txt").write_text("")
    with pytest.raises(StageError, match=r"labels/images/000\.txt: labels/000\.txt has the same"):
        read_all(folder)


def test_the_file_of_names_of_label_programs_is_no_file_of_boxes(tmp_path: Path) -> None:
    folder = write_yolo(tmp_path / "a", boxed_pictures(2))
    (folder / "labels" / "classes.txt").write_text("square\nring\ndisc\n")
    assert [each.problem for each in read_all(folder)] == ["", ""]
    said = "labels/classes.txt is passed over: data.yaml names the classes"
    assert said in resolve(str(folder), "source").remarks()


def test_paths_of_splits_that_folders_do_not_say_are_remarked_on(tmp_path: Path) -> None:
    folder = write_yolo(tmp_path / "a" / "train", boxed_pictures(2)).parent
    (folder / "data.yaml").write_text("train: /test/train/images\nval: lists/held-out.txt\n")
    said = "data.yaml: val: lists/held-out.txt is not followed; splits are folders with these names"
    assert said in resolve(str(folder), "source").remarks()
