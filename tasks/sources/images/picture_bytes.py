"""The bytes of pictures and masks from files, or why there are none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tasks.data.images.picture import MaskFile, Picture


def read_picture(row: Picture, path: Path) -> Picture:
    """The picture with the bytes of its file, or with what is wrong with that."""
    try:
        return replace(row, data=path.read_bytes())
    except OSError as error:
        return replace(row, problem=f"cannot be read: {error.strerror}")


def read_mask_file(path: Path, where: str) -> MaskFile:
    """The mask in a file, or what is wrong with that."""
    try:
        return MaskFile(path.read_bytes(), where)
    except OSError as error:
        return MaskFile(b"", where, f"cannot be read: {error.strerror}")
