"""YOLO: a text file for each picture in a folder labels, which has the place of the folder images.

A line of a file is `class x y width height` for each box, in shares of the picture. The names of
the classes are in data.yaml, classes.txt or obj.names. A picture without a file has no object, but
a split without any file is a mistake. The split is a folder.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

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
    passed_over,
    require_pictures,
)

ENDING = ".txt"
IMAGES, LABELS = "images", "labels"  # folders
NAMES = ("data.yaml", "dataset.yaml", "classes.txt", "obj.names", "_darknet.labels")
SPLITS: Mapping[str, Split] = {"train": "train", "val": "validation", "test": "test"}
SHOWN = 8  # classes in a message


def is_here(files: Files, names: Sequence[str]) -> bool:
    """Whether there are a folder images with pictures, and a folder labels with text files."""
    return any(map(_is_label, files)) and any(map(_is_picture, names))


def reading(files: Files, names: Sequence[str]) -> Reading:
    """The text files, those with names of classes, and the pictures below folders images."""
    chosen = [name for name in files if _is_label(name) or PurePosixPath(name).name in NAMES]
    left = [name for name in names if not _is_picture(name)]
    remarks = passed_over(left, "as no folder images has them")
    told = _files_of_names(files)
    remarks += [f"{name} is passed over: {told[0]} names the classes" for name in told[1:]]
    for name in told:
        remarks += _not_followed(name, _settings(files[name], name))
    return Reading(chosen, [name for name in names if _is_picture(name)], remarks)


def pictures(files: Files, names: Sequence[str]) -> Iterator[Picture]:
    """The pictures, in the order of their names."""
    classes = _class_names(files)
    chosen = [name for name in names if _is_picture(name)]
    written = by_key(filter(_is_label, files))
    _require_labels(chosen, written)
    seen: dict[str, str] = {}
    for name in chosen:
        key = key_of(name)
        file, other = written.get(key), seen.setdefault(key, name)
        boxes, wrong = _boxes(file, files[file], classes) if file else ([], [])
        if other != name:
            wrong = [f"{other} has the same name; a text file is for one picture; remove one"]
        picture = Picture(name, b"", None, "", split_of_folders(name), name)
        yield boxed(picture, boxes, wrong)
    require_pictures({key: name for key, name in written.items() if key not in seen})


def _is_label(name: str) -> bool:
    path = PurePosixPath(name)
    return path.suffix == ENDING and LABELS in path.parts[:-1] and path.name not in NAMES


def _is_picture(name: str) -> bool:
    return IMAGES in PurePosixPath(name).parts[:-1]


def _require_labels(chosen: Sequence[str], written: Mapping[str, str]) -> None:
    """Check that each split has a text file.

    Raises:
        StageError: one has none, so that no picture of it would have an object.
    """
    splits = {name: split_of_folders(name) for name in chosen}
    has = {split for name, split in splits.items() if key_of(name) in written}
    for split, count in Counter(splits.values()).items():
        if split not in has:
            example = next(name for name in chosen if splits[name] == split)
            raise StageError(
                f"none of the {count:,} {split} pictures has a text file in a folder {LABELS}, "
                f"such as {example}; accepted: a file for each picture with objects, and one at "
                "least in a split (empty where there is no object)"
            )


def _boxes(name: str, path: Path, classes: Mapping[int, str]) -> tuple[list[WrittenBox], list[str]]:
    """The boxes of a file, and what is wrong with others."""
    boxes, wrong = [], []
    try:
        lines = read_foreign_text(path, name, "utf-8-sig").splitlines()
    except StageError as error:
        return [], [str(error)]
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            boxes.append(_box(line.split(), classes, f"{name}, line {number}"))
        except StageError as error:
            wrong.append(str(error))
    return boxes, wrong


def _box(parts: Sequence[str], classes: Mapping[int, str], where: str) -> WrittenBox:
    number = int(parts[0]) if parts[0].isdecimal() else -1
    if number < 0 or (classes and number not in classes):
        known = [*map(str, sorted(classes))]
        accepted = ", ".join([*known[:SHOWN], *(["…"] if len(known) > SHOWN else [])])
        raise StageError(
            f"{where}: found the class {parts[0]!r}; accepted: {accepted or 'a whole number'}"
        )
    x, y, wide, high = numbers([*parts[1:]], where)
    box = (x - wide / 2, y - high / 2, x + wide / 2, y + high / 2)
    return WrittenBox(classes.get(number, str(number)), box, where, relative=True)


def _files_of_names(files: Files) -> list[str]:
    """The files with names of classes; the first one counts."""
    found = [name for name in files if PurePosixPath(name).name in NAMES]
    return sorted(found, key=lambda name: NAMES.index(PurePosixPath(name).name))


def _class_names(files: Files) -> dict[int, str]:
    """The names of the classes by their numbers; none if no file has them."""
    for name in _files_of_names(files)[:1]:
        if not name.endswith(".yaml"):
            lines = read_foreign_text(files[name], name, "utf-8-sig").splitlines()
            return {i: line.strip() for i, line in enumerate(lines) if line.strip()}
        found = _settings(files[name], name).get("names", [])
        numbered = dict(enumerate(found)) if isinstance(found, list) else found
        try:
            return {int(number): str(label) for number, label in numbered.items()}
        except (AttributeError, TypeError, ValueError):
            raise StageError(
                f"{name}: names is {found!r:.60}; accepted: a list, or numbers with names, as "
                "{0: cat, 1: dog}"
            ) from None
    return {}


def _settings(path: Path, name: str) -> dict[Any, Any]:
    """What data.yaml has; nothing of a file with names alone.

    Raises:
        StageError: it is no YAML, or has no fields.
    """
    if not name.endswith(".yaml"):
        return {}
    try:
        found = yaml.safe_load(read_foreign_text(path, name, "utf-8-sig")) or {}
    except yaml.YAMLError as error:
        said = " ".join(str(error).split())
        raise StageError(f"{name}: not YAML: {said:.200}") from None
    if not isinstance(found, dict):
        raise StageError(f"{name}: found {found!r:.40}; accepted: fields, such as names: [cat]")
    return found


def _not_followed(name: str, settings: Mapping[Any, Any]) -> list[str]:
    """A remark on paths of splits that say something else than the folders do."""
    odd = [
        f"{key}: {settings[key]}"
        for key, split in SPLITS.items()
        if settings.get(key)
        and not any(
            split_of_folders(f"{part}/x") == split for part in str(settings[key]).split("/")
        )
    ]
    if not odd:
        return []
    return [f"{name}: {', '.join(odd)[:200]} is not followed; splits are folders with these names"]
