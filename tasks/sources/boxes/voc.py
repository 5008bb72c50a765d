"""Pascal VOC: an XML file for each picture, in a folder Annotations or beside the picture.

The split is a folder, or of VOC's own layout the lists in ImageSets/Main.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any
from xml.etree import ElementTree

from tasks.contract import StageError
from tasks.data.images.picture import Picture, WrittenBox
from tasks.data.rows import Split
from tasks.machinery.host.foreign_json import read_foreign_text
from tasks.sources.boxes.splits import split_of_folders
from tasks.sources.boxes.written import (
    Files,
    Reading,
    boxed,
    by_key,
    key_of,
    numbers,
    require_pictures,
    size_of,
)
from tasks.sources.folders import SPLIT_WORDS

ENDING = ".xml"
FOLDER = "Annotations"
LISTS = "ImageSets/Main/"
_HEAD = 10_000  # bytes of an XML file in which its first element has to be
_SIDES = ("xmin", "ymin", "xmax", "ymax")


def is_here(files: Files, names: Sequence[str]) -> bool:
    """Whether an XML file of annotations is in their folder, or has a picture of its name.

    Other programs leave XML beside pictures, too.
    """
    xml = [name for name in files if name.endswith(ENDING)]
    keys = {key_of(name) for name in names} if xml else set()
    return any(
        (FOLDER in PurePosixPath(name).parts or key_of(name) in keys) and _is_voc(files, name)
        for name in xml
    )


def reading(files: Files, names: Sequence[str]) -> Reading:
    """The XML files and the lists, and all pictures: one without an annotation is a mistake."""
    listed = _splits(files)
    left = [name for name in names if listed and PurePosixPath(name).stem not in listed]
    remarks = [f"no list in {LISTS} has {len(left):,} pictures, such as {left[0]}"] if left else []
    lists = [name for name in files if LISTS in name]
    return Reading([*_annotations(files, names), *lists], [*names], remarks)


def pictures(files: Files, names: Sequence[str]) -> Iterator[Picture]:
    """The pictures, in the order of their names."""
    lists = _splits(files)
    written = by_key(_annotations(files, names))
    for name in names:
        stem = PurePosixPath(name).stem
        split: Split = lists.get(stem, "") if lists else split_of_folders(name)
        picture = Picture(name, b"", None, "", split, name)
        file = written.pop(key_of(name), None)
        yield picture if file is None else _with_boxes(picture, file, files)
    require_pictures(written)


def _splits(files: Files) -> dict[str, Split]:
    """The splits of pictures, by their names without endings, as the lists say."""
    return {
        stem: SPLIT_WORDS[PurePosixPath(name).stem]
        for name, path in files.items()
        if LISTS in name and PurePosixPath(name).stem in SPLIT_WORDS
        for stem in read_foreign_text(path, name, "utf-8-sig").split()
    }


def _annotations(files: Files, names: Sequence[str]) -> list[str]:
    keys = {key_of(name) for name in names}
    return [
        name
        for name in files
        if name.endswith(ENDING)
        and (FOLDER in PurePosixPath(name).parts or key_of(name) in keys or _is_voc(files, name))
    ]


def _is_voc(files: Files, name: str) -> bool:
    with files[name].open("rb") as file:
        return b"<annotation" in file.read(_HEAD)


def _with_boxes(picture: Picture, file: str, files: Files) -> Picture:
    """The picture with the boxes of its file, or with what is wrong with them."""
    try:
        root = _parsed(files, file)
    except StageError as error:
        return replace(picture, problem=str(error))
    boxes, wrong = [], []
    for number, each in enumerate(root.iter("object"), 1):
        where = f"{file}, object {number}"
        try:
            corners = [each.findtext(f"bndbox/{side}") for side in _SIDES]
            left, top, right, bottom = numbers(corners, where)
        except StageError as error:
            wrong.append(str(error))
            continue
        # Its pixels count from 1, and the last one is in the box.
        box = (left - 1, top - 1, right, bottom)
        crowd = (each.findtext("difficult") or "").strip() == "1"
        boxes.append(WrittenBox(each.findtext("name") or "", box, where, crowd=crowd))
    size = size_of(root.findtext("size/width"), root.findtext("size/height"))
    return boxed(replace(picture, declared=size), boxes, wrong)


def _parsed(files: Files, name: str) -> Any:
    text = files[name].read_bytes()
    if b"<!ENTITY" in text:
        raise StageError(f"{name}: has entities, which are not read")
    try:
        return ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError, LookupError) as error:  # also unknown encodings
        raise StageError(f"{name}: not XML: {error}") from None
