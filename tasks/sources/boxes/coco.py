"""COCO: JSON files with `images`, `annotations` and `categories`, anywhere in the folder.

The pictures are beside a file, or in another folder: the one whose path ends with the name that
the file has for it, of the split of the file if there are several. The split of a file is a folder
or a word of its name (`annotations/instances_train2017.json`), or the folder of a picture.

Where an annotation has a `segmentation`, the pictures of the file have masks too: of the background
where no annotation is, and of the categories in their order.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from tasks.contract import StageError
from tasks.data.images.picture import MaskFile, Picture, Region, WrittenBox
from tasks.data.rows import Split
from tasks.machinery.host.foreign_json import RepeatedKeyError, decoded
from tasks.sources.boxes.splits import split_of_folders, split_of_list
from tasks.sources.boxes.written import (
    PLACES,
    Files,
    Reading,
    boxed,
    listed,
    numbers,
    passed_over,
    size_of,
)

ENDING = ".json"
LISTS = ("images", "annotations", "categories")
BACKGROUND = "background"  # of a mask, where no annotation is
_HEAD = 100_000  # bytes of a JSON file in which a key of COCO has to be


@dataclass(frozen=True)
class Outline:
    """What a JSON file is about.

    Attributes:
        is_boxes: whether it has boxes, perhaps with mistakes.
        why_not: why a file of COCO has none; "" of other files.
        written: the names that it has for pictures.
    """

    is_boxes: bool
    why_not: str = ""
    written: tuple[str, ...] = ()


@dataclass
class Found:
    """What the annotations say of an image, and what is wrong with them."""

    boxes: list[WrittenBox] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    regions: list[Region] = field(default_factory=list)


def is_here(files: Files, _names: Sequence[str]) -> bool:
    """Whether a JSON file has boxes."""
    return bool(_with_boxes(files))


def reading(files: Files, names: Sequence[str]) -> Reading:
    """The JSON files, and the pictures that they name."""
    index, named = _index(names), set[str]()
    chosen = _with_boxes(files)
    for name in chosen:
        split = split_of_list(name)
        for written in _outline(files[name]).written:
            named.update(_places(name, written, split, index))
    others = {n: _outline(path).why_not for n, path in files.items() if n.endswith(ENDING)}
    remarks = [f"{name} is passed over: {why}" for name, why in others.items() if why]
    left = [name for name in names if name not in named]
    remarks += passed_over(left, "which no file of boxes names")
    return Reading(chosen, [name for name in names if name in named], remarks)


def pictures(files: Files, names: Sequence[str]) -> Iterator[Picture]:
    """The images of the files, in their order."""
    index, seen, alone = _index(names), dict[str, str](), list[str]()
    for name in _with_boxes(files):
        yield from _of_file(name, _read(files[name], name), index, seen, alone)
    if alone:
        raise StageError(listed(alone))


def _with_boxes(files: Files) -> list[str]:
    return [n for n, path in files.items() if n.endswith(ENDING) and _outline(path).is_boxes]


def _outline(path: Path) -> Outline:
    told = path.stat()
    return _outlined(path, told.st_ino, told.st_size, told.st_mtime_ns)


@functools.lru_cache(maxsize=64)
def _outlined(path: Path, _inode: int, _size: int, _changed: int) -> Outline:
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if not any(f'"{key}"'.encode() in head for key in ("file_name", "bbox", "image_id")):
        return Outline(is_boxes=False)
    try:
        values = _read(path, path.name)
    except StageError:  # said where it is read
        return Outline(any(f'"{key}"'.encode() in head for key in LISTS))
    has = [key for key in LISTS if isinstance(values, dict) and key in values]
    if len(has) < len(LISTS):
        lacking = ", ".join(key for key in LISTS if key not in has)
        return Outline(is_boxes=False, why_not=f"it has no {lacking}" if len(has) == 2 else "")
    annotations = values["annotations"]
    if isinstance(annotations, list) and annotations and not any(map(_has_box, annotations)):
        return Outline(is_boxes=False, why_not="none of its annotations has a bbox")
    images = values["images"] if isinstance(values["images"], list) else []
    written = (str(each.get("file_name", "")) for each in images if isinstance(each, dict))
    return Outline(is_boxes=True, written=tuple(written))


def _has_box(annotation: Any) -> bool:
    return isinstance(annotation, dict) and "bbox" in annotation


def _read(path: Path, name: str) -> Any:
    try:
        return decoded(path.read_text(encoding="utf-8-sig"))
    except RepeatedKeyError as error:
        raise StageError(f"{name}: {error}") from None
    except (ValueError, RecursionError) as error:  # also where it is not UTF-8
        raise StageError(f"{name}: not JSON: {error}") from None
    except OSError as error:
        raise StageError(f"{name}: cannot be read: {error.strerror}") from None


def _of_file(
    name: str,
    values: Mapping[str, Any],
    index: Mapping[str, Sequence[str]],
    seen: dict[str, str],
    alone: list[str],
) -> Iterator[Picture]:
    """The images of a file; `seen` and `alone` get its pictures, and what belongs to none."""
    images, annotations, categories = (_entries(values[key], f"{name}: {key}") for key in LISTS)
    labels = {
        id_: _name(each, f"{name}: categories, id {id_}")
        for id_, each in _by_id(categories, name, "categories")
    }
    number = {id_: place for place, id_ in enumerate(labels, 1)}  # in a mask
    found = {id_: Found() for id_, _ in _by_id(images, name, "images")}
    for entry, each in enumerate(annotations):
        where = f"{name}, annotation {each.get('id', entry)}"
        its = found.get(_id(each.get("image_id")))
        if its is None:
            alone.append(f"{where}: no image has the id {each.get('image_id')!r:.40}")
            continue
        try:
            its.boxes.append(_box(each, labels, where))
        except StageError as error:
            its.wrong.append(str(error))
            continue
        shape = each.get("segmentation") or None
        its.regions.append(Region(number[_id(each["category_id"])], shape, where))
    names = (BACKGROUND, *labels.values())
    has_masks = any(each.shape is not None for its in found.values() for each in its.regions)
    split = split_of_list(name)
    for each in images:
        written = str(each.get("file_name", ""))
        where = f"{name}: {written}"
        places = _places(name, written, split, index)
        place = places[0] if len(places) == 1 else written
        if places and place in seen:
            raise StageError(
                f"{where}: the picture is in {seen[place]} too; accepted: each picture once; "
                "remove one of the two"
            )
        if len(places) == 1:
            seen[place] = name
        size = size_of(each.get("width"), each.get("height"))
        in_split = split or split_of_folders(place)
        told = found[_id(each["id"])]
        mask = MaskFile(b"", where, names=names, regions=tuple(told.regions))
        picture = Picture(place, b"", None, "", in_split, where, declared=size)
        picture = replace(picture, mask=mask if has_masks else None)
        yield boxed(picture, told.boxes, [*_missing(places), *told.wrong])


def _name(category: Mapping[str, Any], where: str) -> str:
    """The name of a category, which may be a number.

    Raises:
        StageError: it is something else.
    """
    found = category.get("name")
    named = isinstance(found, str | int | float) and not isinstance(found, bool)
    if not named or not str(found).strip():
        raise StageError(f"{where}: found the name {found!r:.40}; accepted: text")
    return str(found)


def _box(annotation: Mapping[str, Any], labels: Mapping[Any, str], where: str) -> WrittenBox:
    label = labels.get(_id(annotation.get("category_id")))
    if label is None:
        raise StageError(f"{where}: no category has the id {annotation.get('category_id')!r:.40}")
    left, top, wide, high = numbers(annotation.get("bbox"), where)
    box = (left, top, left + wide, top + high)
    return WrittenBox(label, box, where, crowd=bool(annotation.get("iscrowd")))


def _entries(written: Any, where: str) -> list[dict[str, Any]]:
    """The objects of a list.

    Raises:
        StageError: it is no list of objects.
    """
    if not isinstance(written, list):
        raise StageError(f"{where}: found {written!r:.40}; accepted: a list of objects")
    for number, each in enumerate(written):
        if not isinstance(each, dict):
            raise StageError(f"{where}, entry {number}: found {each!r:.40}; accepted: an object")
    return written


def _by_id(
    entries: Sequence[dict[str, Any]], name: str, key: str
) -> Iterator[tuple[int | float | str, dict[str, Any]]]:
    """Entries with their ids.

    Raises:
        StageError: an entry has no id, or two have one.
    """
    known = set[Any]()
    for number, each in enumerate(entries):
        found = _id(each.get("id"))
        if found is None:
            raise StageError(
                f"{name}: {key}, entry {number}: found the id {each.get('id')!r:.40}; accepted: a "
                "whole number or a text"
            )
        if found in known:
            raise StageError(f"{name}: {key}: two have the id {found!r}; accepted: each id once")
        known.add(found)
        yield found, each


def _id(written: Any) -> Any:
    fits = isinstance(written, int | float | str) and not isinstance(written, bool)
    return written if fits else None


def _missing(places: Sequence[str]) -> list[str]:
    if not places:
        return ["there is no such picture"]
    if len(places) > 1:
        return [f"{len(places)} pictures have this name: {', '.join(places[:3])}; accepted: one"]
    return []


def _index(names: Sequence[str]) -> dict[str, list[str]]:
    """Pictures by the last part of their names."""
    index = defaultdict[str, list[str]](list)
    for name in names:
        index[PurePosixPath(name).name].append(name)
    return index


def _places(
    file: str, written: str, split: Split, index: Mapping[str, Sequence[str]]
) -> Sequence[str]:
    """The picture that a file of boxes names: none, or several if it is not clear which.

    Those near the file come first: of them those of its split, in a folder of pictures, and beside
    it. A picture of another split is another picture.
    """
    path, base = PurePosixPath(written.replace("\\", "/")), PurePosixPath(file).parent
    fitting = [
        each
        for each in index.get(path.name, ())
        if each == path.as_posix() or each.endswith(f"/{path}")
    ]
    fitting = [each for each in fitting if not split or split_of_folders(each) in ("", split)]
    if len(fitting) < 2:
        return fitting

    def nearness(place: str) -> tuple[int, bool, bool, bool]:
        parents = PurePosixPath(place).parts[:-1]
        pairs = zip(parents, base.parts, strict=False)
        shared = next((i for i, (a, b) in enumerate(pairs) if a != b), None)
        shared = min(len(parents), len(base.parts)) if shared is None else shared
        in_place = any(each in PLACES for each in parents)
        return shared, split_of_folders(place) == split, place == (base / path).as_posix(), in_place

    ranks = [nearness(each) for each in fitting]
    return [each for each, rank in zip(fitting, ranks, strict=True) if rank == max(ranks)]
