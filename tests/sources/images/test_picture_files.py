"""Pictures in folders, tables, Parquet and IDX files, written by other programs than ours."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import shutil
import struct
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tasks.contract import StageError
from tasks.experiment.images.pictures import PictureColumns
from tasks.sources.images import pictures, resolve
from tests.support.tiny_images import write_pictures


def read(location: Path | str, **columns: str) -> list:
    source = resolve(str(location), "images.source")
    return list(pictures(source, PictureColumns(**columns), lambda *_: None))


def png(value: int = 100) -> bytes:
    file = io.BytesIO()
    Image.new("L", (8, 8), value).save(file, "PNG")
    return file.getvalue()


def test_folders_are_labels_below_folders_that_are_splits(tmp_path: Path) -> None:
    for name in ("train/cat/a.png", "train/dog/b.JPG", "val/cat/c.png", "test/dog/deep/d.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(png())
    found = {each.name: (each.split, each.label) for each in read(tmp_path)}
    assert found == {
        "test/dog/deep/d.png": ("test", "dog"),
        "train/cat/a.png": ("train", "cat"),
        "train/dog/b.JPG": ("train", "dog"),
        "val/cat/c.png": ("validation", "cat"),
    }


def test_pictures_in_no_folder_have_no_label(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png())
    [found] = read(tmp_path)
    assert (found.label, found.split, found.data) == (None, "", png())


def test_a_table_says_paths_labels_groups_and_splits(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(png(1))
    with (tmp_path / "labels.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerows(
            [
                ["file", "kind", "who", "part"],
                ["in/a.png", "cat", "ann", "dev"],
                ["in/b.png", "dog", "bob", "train"],
                ["../c.png", "dog", "bob", "train"],
            ]
        )
    a, b, c = read(tmp_path / "labels.csv", image="file", label="kind", group="who", split="part")
    assert (a.label, a.group, a.split, a.data) == ("cat", "ann", "validation", png(1))
    assert b.problem == "cannot be read: No such file or directory"
    assert b.where == "labels.csv, line 3: in/b.png"
    assert "leads out of the folder" in c.problem


def test_json_lines_in_files_named_after_splits(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png())
    for split in ("train", "test"):
        row = json.dumps({"image": "a.png", "label": 3})
        (tmp_path / f"{split}.jsonl").write_text(row + "\n")
    assert [(each.split, each.label) for each in read(tmp_path)] == [("test", 3), ("train", 3)]


def test_parquet_files_contain_pictures_as_datasets_writes_them(tmp_path: Path) -> None:
    rows = [{"image": {"bytes": png(n), "path": f"{n}.png"}, "label": n} for n in (1, 2)]
    pd.DataFrame(rows).to_parquet(tmp_path / "train.parquet")
    found = read(tmp_path / "train.parquet")
    assert [(each.data, each.label, each.split) for each in found] == [
        (png(1), 1, "train"),
        (png(2), 2, "train"),
    ]
    assert len({each.name for each in found}) == 2


def write_idx(path: Path, values: np.ndarray) -> None:
    header = struct.pack(f">BBBB{values.ndim}I", 0, 0, 8, values.ndim, *values.shape)
    path.write_bytes(gzip.compress(header + values.tobytes()))


def test_idx_files_are_read_as_mnist_has_them(tmp_path: Path) -> None:
    shades = np.arange(2 * 4 * 4, dtype=np.uint8).reshape(2, 4, 4)
    for name in ("train", "t10k"):
        write_idx(tmp_path / f"{name}-images-idx3-ubyte.gz", shades)
        write_idx(tmp_path / f"{name}-labels-idx1-ubyte.gz", np.array([7, 3], dtype=np.uint8))
    found = read(tmp_path)
    assert [(each.split, each.label) for each in found] == [
        ("test", "7"),
        ("test", "3"),
        ("train", "7"),
        ("train", "3"),
    ]
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(found[1].data))), shades[1])


def test_a_truncated_idx_file_is_named(tmp_path: Path) -> None:
    write_idx(tmp_path / "train-images-idx3-ubyte.gz", np.zeros((2, 4, 4), np.uint8))
    short = gzip.compress(struct.pack(">BBBBI", 0, 0, 8, 1, 2) + b"\0")
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(short)
    with pytest.raises(StageError, match=r"train-labels-idx1-ubyte\.gz: 1 values, .* truncated"):
        read(tmp_path)


def test_moving_a_folder_changes_no_identity_and_one_byte_does(tmp_path: Path) -> None:
    first = write_pictures(tmp_path / "a", 6, seed=1)
    moved = shutil.copytree(first, tmp_path / "b")
    before = resolve(str(first), "images.source").identity
    assert resolve(str(moved), "images.source").identity == before
    (moved / "bar" / "000.png").write_bytes(png())
    assert resolve(str(moved), "images.source").identity != before


def test_a_file_that_changes_after_the_plan_stops_the_reading(tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "a", 6, seed=1)
    source = resolve(str(folder), "images.source")
    (folder / "bar" / "000.png").write_bytes(png())
    with pytest.raises(StageError, match="changed after the run was planned"):
        list(pictures(source, PictureColumns(), lambda *_: None))


def test_other_files_are_passed_over_and_said(tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "a", 3, seed=1)
    (folder / "notes.docx").write_text("x")
    [said] = resolve(str(folder), "images.source").remarks()
    assert "a file is passed over" in said
    assert "notes.docx" in said


@pytest.mark.parametrize(
    ("location", "said"),
    [
        ("nowhere/at/all", "there is no file or folder"),
        ("builtin:glyps", "no built-in source of pictures 'builtin:glyps'; did you mean"),
        (
            "builtin:pydocs",
            "Accepted: builtin:digit-canvas, builtin:digit-masks, builtin:digits, builtin:glyphs",
        ),
    ],
)
def test_what_is_no_source_of_pictures_is_answered(location: str, said: str) -> None:
    with pytest.raises(StageError) as found:
        resolve(location, "images.source")
    assert str(found.value).startswith("images.source: ")
    assert said in str(found.value)


def test_a_folder_without_pictures_says_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(StageError, match=r"found \.txt at .*; accepted: pictures \(\.png"):
        resolve(str(tmp_path), "images.source")


def test_what_is_not_followed_is_counted_and_told(tmp_path: Path) -> None:
    other = write_pictures(tmp_path / "other", 4, seed=1)
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / "bar").symlink_to(other / "bar")
    with pytest.raises(
        StageError, match=r"found nothing at .*An entry is not read, .*bar is a link"
    ):
        resolve(str(folder), "x.source")
    write_pictures(folder / "own", 2, seed=2)
    os.mkfifo(folder / "own" / "pipe.png")
    [told] = resolve(str(folder), "x.source").remarks()
    assert told.startswith("2 entries are not read, as links")


def test_a_picture_whose_name_is_no_text_is_told(tmp_path: Path) -> None:
    [picture] = write_pictures(tmp_path, 1, seed=1).glob("*/*.png")
    picture.rename(picture.parent / os.fsdecode(b"caf\xe9.png"))
    with pytest.raises(
        StageError, match=r"x.source: .* is not UTF-8: '.*/caf.udce9.png'; rename it"
    ):
        resolve(str(tmp_path), "x.source")


def test_digits_are_those_of_scikit_learn() -> None:
    from sklearn.datasets import load_digits

    found = read("builtin:digits")
    digits = load_digits()
    assert [each.label for each in found] == [str(label) for label in digits.target]
    shades = np.asarray(Image.open(io.BytesIO(found[9].data)))
    assert np.array_equal(shades, np.rint(digits.images[9] * 255 / 16))


def test_glyphs_have_no_digit_a_held_out_face_and_are_drawn_the_same_again(monkeypatch) -> None:
    from tasks.sources.images import glyphs

    monkeypatch.setattr(glyphs, "SIGNS", "AбΨ?")
    monkeypatch.setattr(glyphs, "FACES", ("DejaVuSans", "STIXGeneral", "cmr10"))
    found = read("builtin:glyphs")
    assert {each.label for each in found} <= set("AбΨ?")
    assert {each.split for each in found if "STIX" in each.name} == {"validation"}
    assert {each.split for each in found if "STIX" not in each.name} == {"train"}
    assert [each.data for each in read("builtin:glyphs")] == [each.data for each in found]
    assert not any(sign.isdigit() for sign in "".join(glyphs.SIGNS))
    assert len({each.name for each in found}) == len(found)


def test_a_hidden_folder_of_a_class_is_told(tmp_path: Path) -> None:
    for name in (".cat/a.png", "dog/b.png", "owl/c.png"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(png())
    said = resolve(str(tmp_path), "images.source").remarks()
    assert said == ["a hidden entry is passed over, as the name begins with a dot: .cat"]
