"""The format of the boxes in a folder of pictures, and the pictures with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import ModuleType

from tasks.data.images.picture import Picture
from tasks.sources.boxes import coco, voc, yolo
from tasks.sources.boxes.written import Files, Reading

FORMATS = (coco, voc, yolo)  # in this order


def reading_of(files: Files, names: Sequence[str]) -> Reading | None:
    """What is read of a folder with boxes; None if it has none.

    Args:
        files: all files of the folder.
        names: those of pictures.
    """
    found = _format(files, names)
    if found is None:
        return None
    reading: Reading = found.reading(files, names)
    return reading


def with_boxes(files: Files, names: Sequence[str]) -> Iterator[Picture]:
    """The pictures of a folder with their boxes, without the bytes of their files.

    Mistakes in the boxes of a picture are its `problem`.

    Raises:
        StageError: there are no boxes, or a file of them cannot be read or belongs to no picture.
    """
    found = _format(files, names)
    assert found is not None, "asked of a folder with boxes alone"
    return iter(found.pictures(files, names))


def _format(files: Files, names: Sequence[str]) -> ModuleType | None:
    return next((each for each in FORMATS if each.is_here(files, names)), None)
