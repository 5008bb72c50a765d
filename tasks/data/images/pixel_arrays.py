"""Pictures as they are stored: one memory-mapped array of bytes a split, and a table beside it.

A folder that stage `pixels` wrote contains, for each split:

    SPLIT.npy      uint8 [pictures, size, size, channels], `numpy.load`-able with `mmap_mode="r"`
    SPLIT.parquet  document, image, label, place: the row of the picture in SPLIT.npy
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]


class PixelFile:
    """A file SPLIT.npy that is written picture by picture; its number is known in advance."""

    def __init__(self, path: Path, pictures: int, size: int, channels: int) -> None:
        self.shape = (pictures, size, size, channels)
        self.written = 0
        self._file = path.open("wb")
        header = {"descr": "|u1", "fortran_order": False, "shape": self.shape}
        np.lib.format.write_array_header_1_0(self._file, header)

    def append(self, pixels: Pixels) -> None:
        """Append a picture."""
        if pixels.shape != self.shape[1:] or pixels.dtype != np.uint8:
            raise ValueError(f"{pixels.dtype} {pixels.shape} does not fit {self.shape}")
        self._file.write(pixels.tobytes())
        self.written += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
        if kind is None and self.written != self.shape[0]:
            raise ValueError(f"{self.written} pictures were written, not {self.shape[0]}")


def open_pixels(folder: Path, split: str) -> Pixels:
    """The pictures of a split: a memory map of shape [pictures, size, size, channels]."""
    path = folder / f"{split}.npy"
    with path.open("rb") as file:
        version = np.lib.format.read_magic(file)
        shape, _, _ = np.lib.format.read_array_header_1_0(file)
        assert version == (1, 0), version
    if not shape[0]:  # an empty file cannot be mapped
        return np.zeros(shape, dtype=np.uint8)
    found: Pixels = np.load(path, mmap_mode="r")
    return found


@dataclass(frozen=True)
class Pictures:
    """The pictures of a split, with their labels as numbers.

    Attributes:
        pixels: [pictures, size, size, channels].
        labels: [pictures] the place of the label among the names; -1 where there is none.
        names: the labels.
    """

    pixels: Pixels
    labels: NDArray[np.int64]
    names: tuple[str, ...]

    @classmethod
    def open(cls, folder: Path, split: str, names: Sequence[str]) -> Pictures:
        """The pictures of a split, in a folder that stage `pixels` wrote."""
        table = pq.read_table(folder / f"{split}.parquet", columns=["label", "place"])
        number = {name: i for i, name in enumerate(names)}
        labels = np.full(len(table), -1, dtype=np.int64)
        for label, place in zip(*(column.to_pylist() for column in table.columns), strict=True):
            labels[place] = number.get(label, -1)
        return cls(open_pixels(folder, split), labels, tuple(names))

    def __len__(self) -> int:
        return len(self.pixels)

    def first(self, count: int) -> Pictures:
        """The first of the pictures."""
        return Pictures(self.pixels[:count], self.labels[:count], self.names)


def with_pixels(rows: pd.DataFrame, folder: Path, split: str) -> pd.DataFrame:
    """Rows of a split with a column `pixels`: views of the stored pictures, which are not read."""
    stored = open_pixels(folder, split)
    views = pd.Series([stored[place] for place in rows["place"]], index=rows.index, dtype=object)
    return rows.assign(pixels=views)
