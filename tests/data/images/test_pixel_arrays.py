"""Stored pictures are read as they were written, through a memory map."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tasks.data.images.likeness import likeness
from tasks.data.images.pixel_arrays import Pictures, PixelFile, open_pixels, with_pixels
from tasks.data.images.resizing import to_square


def some(count: int, size: int = 4, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, size, size, channels), dtype=np.uint8)


def write(folder: Path, pixels: np.ndarray) -> None:
    with PixelFile(folder / "train.npy", *pixels.shape[:2], pixels.shape[3]) as file:
        for each in pixels:
            file.append(each)


def test_pictures_are_read_as_they_were_written(tmp_path: Path) -> None:
    given = some(5)
    write(tmp_path, given)
    found = open_pixels(tmp_path, "train")
    assert isinstance(found, np.memmap)
    assert np.array_equal(found, given)
    assert np.array_equal(np.load(tmp_path / "train.npy"), given), "numpy alone reads it too"


def test_a_file_with_too_few_pictures_is_an_error(tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match="1 pictures were written, not 2"),
        PixelFile(tmp_path / "train.npy", 2, 4, 3) as file,
    ):
        file.append(some(1)[0])


def test_rows_in_another_order_have_their_own_pictures(tmp_path: Path) -> None:
    given = some(4)
    write(tmp_path, given)
    rows = pd.DataFrame({"image": list("abcd"), "place": range(4)}).iloc[[2, 0]]
    found = with_pixels(rows, tmp_path, "train")["pixels"]
    assert np.array_equal(np.stack(list(found)), given[[2, 0]])


def test_labels_are_places_among_the_names(tmp_path: Path) -> None:
    write(tmp_path, some(3))
    table = pd.DataFrame({"label": ["b", "a", ""], "place": [0, 1, 2]})
    table.to_parquet(tmp_path / "train.parquet")
    assert Pictures.open(tmp_path, "train", ["a", "b"]).labels.tolist() == [1, 0, -1]


def test_the_middle_is_kept_or_both_sides_are_stretched() -> None:
    wide = Image.new("L", (40, 20))
    wide.paste(255, (10, 0, 30, 20))  # the middle is white
    assert to_square(wide, 10, 1, "crop").min() > 200
    stretched = to_square(wide, 10, 1, "stretch")[5, :, 0]
    assert stretched[0] == 0
    assert stretched[5] == 255
    assert to_square(wide, 10, 3, "crop").shape == (10, 10, 3)


def test_copies_in_another_format_are_alike_and_other_pictures_are_not() -> None:
    base = np.add.outer(np.arange(64) * 2, np.arange(64) * 1.5).astype(np.uint8)
    base[20:40, 10:30] = 255
    picture, other = Image.fromarray(base), Image.fromarray(base.T.copy())
    assert likeness(picture, b"a") == likeness(picture.convert("RGB"), b"b")
    assert likeness(picture, b"a") != likeness(other, b"a")


def test_flat_pictures_are_copies_only_if_their_files_are() -> None:
    flat = Image.new("L", (20, 20), 7)
    assert likeness(flat, b"a") == likeness(flat, b"a") != likeness(flat, b"b")
