"""Files with the boxes of pictures: COCO's JSON, Pascal VOC's XML, YOLO's text files.

    COCO   JSON files with `images`, `annotations` and `categories`, anywhere in the folder; the
           pictures beside them, or in a folder images, train, … of either
    VOC    an XML file for each picture, in a folder Annotations or beside the picture
    YOLO   a text file for each picture in a folder labels, which has the place of the folder
           images: a line `class x y width height` for each box, in shares of the picture; the names
           of the classes in data.yaml, classes.txt or obj.names

A split is a folder or a word of a file's name (`instances_train2017.json`), of VOC the lists in
ImageSets/Main.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any
from xml.etree import ElementTree

import yaml

from tasks.contract import StageError
from tasks.data.rows import Split
from tasks.sources.folders import SPLIT_WORDS
from tasks.sources.images import Picture, WrittenBox

Files = Mapping[str, Path]  # by their names in the folder
KEYS = {"images", "annotations", "categories"}
NAMES = ("data.yaml", "dataset.yaml", "classes.txt", "obj.names", "_darknet.labels")
_HEAD = 100_000  # bytes of a JSON file in which a key of COCO has to be
_WORDS = re.compile(r"[a-z]+")
PLACES = ("images", "JPEGImages")  # folders of pictures
ENDINGS_XML, ENDINGS_JSON, ENDINGS_TEXT = ".xml", ".json", ".txt"


def format_of(files: Files) -> str:
    """coco, voc or yolo, by the files of a folder; empty if there are no boxes."""
    if any(_is_coco(path) for name, path in files.items() if name.endswith(ENDINGS_JSON)):
        return "coco"
    xml = [name for name in files if name.endswith(ENDINGS_XML)]
    # Other programs leave XML beside pictures, too.
    others = {_key(name) for name in files if not name.endswith(ENDINGS_XML)} if xml else set()
    if any(_key(name) in others or "Annotations" in PurePosixPath(name).parts for name in xml):
        return "voc"
    folders = {part for name in files for part in PurePosixPath(name).parts[:-1]}
    has_text = any(_is_label(name) for name in files)
    return "yolo" if has_text and {"images", "labels"} <= folders else ""


def read_files(files: Files) -> list[str]:
    """The names of the files that are read beside the pictures."""
    kind = format_of(files)
    if kind == "coco":
        return [n for n, path in files.items() if n.endswith(ENDINGS_JSON) and _is_coco(path)]
    if kind == "voc":
        return [n for n in files if n.endswith(ENDINGS_XML) or "ImageSets/Main/" in n]
    if kind == "yolo":
        return [n for n in files if _is_label(n) or PurePosixPath(n).name in NAMES]
    return []


def with_boxes(files: Files, pictures: Sequence[str]) -> Iterator[Picture]:
    """The pictures of a folder with their boxes, without the bytes of their files.

    Raises:
        StageError: a file of boxes is not valid; all mistakes in it are told.
    """
    reader = {"coco": _coco, "voc": _voc, "yolo": _yolo}[format_of(files)]
    return reader(files, pictures)


def _is_coco(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(_HEAD)
    is_told = any(f'"{key}"'.encode() in head for key in KEYS)
    return is_told and (b'"file_name"' in head or b'"bbox"' in head)


def _is_label(name: str) -> bool:
    return name.endswith(ENDINGS_TEXT) and "labels" in PurePosixPath(name).parts[:-1]


def split_in(name: str) -> Split:
    """The split that a folder or a word in the name of a file says."""
    path = PurePosixPath(name)
    words = [*path.parts[:-1], *_WORDS.findall(path.stem.lower())]
    return next((SPLIT_WORDS[w.lower()] for w in words if w.lower() in SPLIT_WORDS), "")


def _coco(files: Files, pictures: Sequence[str]) -> Iterator[Picture]:
    there = set(pictures)
    for name in read_files(files):
        try:
            values = json.loads(files[name].read_text(encoding="utf-8"))
        except (ValueError, UnicodeDecodeError) as error:
            raise StageError(f"{name}: not JSON: {error}") from None
        lacking = sorted(KEYS - {*values}) if isinstance(values, dict) else sorted(KEYS)
        if lacking:
            raise StageError(f"{name}: has no {', '.join(lacking)}; accepted: COCO's JSON")
        odd = [key for key in sorted(KEYS) if not _are_objects(values[key])]
        if odd:
            raise StageError(f"{name}: {odd[0]} is no list of objects; accepted: COCO's JSON")
        labels = {each.get("id"): str(each.get("name", "")) for each in values["categories"]}
        found: dict[Any, list[WrittenBox]] = {each.get("id"): [] for each in values["images"]}
        for number, each in enumerate(values["annotations"]):
            where = f"{name}, annotation {each.get('id', number)}"
            if each.get("image_id") not in found:
                raise StageError(f"{where}: no image has the id {each.get('image_id')!r}")
            if each.get("category_id") not in labels:
                raise StageError(f"{where}: no category has the id {each.get('category_id')!r}")
            left, top, wide, high = _numbers(each.get("bbox"), where)
            box = (left, top, left + wide, top + high)
            found[each["image_id"]].append(WrittenBox(labels[each["category_id"]], box, where))
        split = split_in(name)
        for each in values["images"]:
            written = str(each.get("file_name", ""))
            place = _beside(name, written, split, there)
            picture = Picture(place or written, b"", None, "", split, f"{name}: {written}")
            picture = replace(picture, boxes=tuple(found[each.get("id")]))
            yield picture if place else replace(picture, problem="there is no such picture")


def _are_objects(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, dict) for each in value)


def _beside(name: str, written: str, split: str, there: set[str]) -> str:
    """The picture that a file of boxes names; empty if there is none."""
    base = PurePosixPath(name).parent
    folders = [base, base.parent, PurePosixPath()]
    inner = ["", *PLACES]
    splits = [word for word, each in SPLIT_WORDS.items() if each == split] if split else []
    inner += [f"{place}/{word}".strip("/") for place in inner for word in splits]
    candidates = ((folder / each / written).as_posix() for folder in folders for each in inner)
    return next((each for each in candidates if each in there), "")


def _numbers(written: Any, where: str) -> list[float]:
    try:
        found = [float(each) for each in written]
    except (TypeError, ValueError):
        found = []
    if len(found) != 4 or not all(map(math.isfinite, found)):
        raise StageError(f"{where}: found the box {written!r:.60}; accepted: four numbers")
    return found


def _voc(files: Files, pictures: Sequence[str]) -> Iterator[Picture]:
    lists = {
        stem: SPLIT_WORDS[PurePosixPath(name).stem]
        for name in files
        if "ImageSets/Main/" in name and PurePosixPath(name).stem in SPLIT_WORDS
        for stem in _text(files[name]).split()
    }
    written = {_key(name): name for name in files if name.endswith(ENDINGS_XML)}
    for name in pictures:
        stem = PurePosixPath(name).stem
        split: Split = lists.get(stem, "") if lists else split_in(name)
        picture = Picture(name, b"", None, "", split, name)
        file = written.pop(_key(name), None)
        yield picture if file is None else replace(picture, boxes=tuple(_voc_boxes(file, files)))
    _require_pictures(written)


def _voc_boxes(name: str, files: Files) -> Iterator[WrittenBox]:
    text = files[name].read_bytes()
    if b"<!ENTITY" in text:
        raise StageError(f"{name}: has entities, which are not read")
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise StageError(f"{name}: not XML: {error}") from None
    for number, each in enumerate(root.iter("object"), 1):
        where = f"{name}, object {number}"
        corners = [each.findtext(f"bndbox/{side}") for side in ("xmin", "ymin", "xmax", "ymax")]
        left, top, right, bottom = _numbers(corners, where)
        # Its pixels count from 1, and the last one is in the box.
        box = (left - 1, top - 1, right, bottom)
        yield WrittenBox(each.findtext("name") or "", box, where)


def _yolo(files: Files, pictures: Sequence[str]) -> Iterator[Picture]:
    names = _class_names(files)
    written = {_key(name): name for name in files if _is_label(name)}
    for name in pictures:
        picture = Picture(name, b"", None, "", split_in(name), name)
        file = written.pop(_key(name), None)
        if file is None:  # without a file, there is no object
            yield replace(picture, boxes=())
            continue
        yield replace(picture, boxes=tuple(_yolo_boxes(file, files[file], names)))
    _require_pictures(written)


def _yolo_boxes(name: str, path: Path, names: Sequence[str]) -> Iterator[WrittenBox]:
    for number, line in enumerate(_text(path).splitlines(), 1):
        if not line.strip():
            continue
        where, parts = f"{name}, line {number}", line.split()
        place = int(parts[0]) if parts[0].isdigit() else -1
        if place < 0 or (names and place >= len(names)):
            accepted = f"0 to {len(names) - 1}" if names else "a whole number"
            raise StageError(f"{where}: found the class {parts[0]!r}; accepted: {accepted}")
        x, y, wide, high = _numbers(parts[1:], where)
        box = (x - wide / 2, y - high / 2, x + wide / 2, y + high / 2)
        yield WrittenBox(names[place] if names else str(place), box, where, relative=True)


def _class_names(files: Files) -> list[str]:
    """The names of classes that a file of the folder has; none if there is none."""
    for name, path in files.items():
        if PurePosixPath(name).name not in NAMES:
            continue
        text = _text(path)
        if not name.endswith(".yaml"):
            return [line.strip() for line in text.splitlines() if line.strip()]
        try:
            values = yaml.safe_load(text)
        except yaml.YAMLError as error:
            said = str(error).partition("\n")[0]
            raise StageError(f"{name}: not YAML: {said}") from None
        found = values.get("names") or [] if isinstance(values, dict) else []
        return (
            [str(found[key]) for key in sorted(found)]
            if isinstance(found, dict)
            else [str(each) for each in found]
        )
    return []


def _text(path: Path) -> str:
    """The text of a file; what is no UTF-8 in it is found to be no number or no name."""
    return path.read_text(encoding="utf-8", errors="replace")


def _key(name: str) -> str:
    """What a picture and its file of boxes have in common: the name without folders of kinds."""
    path = PurePosixPath(name)
    kinds = {*PLACES, "labels", "Annotations"}
    return "/".join([*(part for part in path.parts[:-1] if part not in kinds), path.stem])


def _require_pictures(left: Mapping[str, str]) -> None:
    if left:
        names = sorted(left.values())
        raise StageError(
            f"{len(names):,} files of boxes have no picture of their name, such as "
            f"{', '.join(names[:3])}"
        )
