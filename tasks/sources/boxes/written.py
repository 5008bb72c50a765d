"""What all formats of boxes have in common: names of files, numbers, and mistakes of a picture."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from tasks.contract import StageError
from tasks.data.images.picture import Picture, WrittenBox

Files = Mapping[str, Path]  # by their names in the folder
PLACES = ("images", "JPEGImages")  # folders of pictures
MISTAKES_TOLD = 10
KINDS = {*PLACES, "labels", "Annotations"}


@dataclass(frozen=True)
class Reading:
    """What is read of a folder.

    Attributes:
        files: the names of the files of boxes, and of what belongs to them.
        pictures: the names of the pictures.
        remarks: what is passed over.
    """

    files: list[str]
    pictures: list[str]
    remarks: list[str]


def key_of(name: str) -> str:
    """What a picture and its file of boxes have in common: the name without folders of kinds."""
    path = PurePosixPath(name)
    return "/".join([*(part for part in path.parts[:-1] if part not in KINDS), path.stem])


def numbers(written: Any, where: str) -> list[float]:
    """Four numbers.

    Raises:
        StageError: it is something else.
    """
    is_list = isinstance(written, list) and not any(isinstance(each, bool) for each in written)
    try:
        found = [float(each) for each in written] if is_list else []
    except (TypeError, ValueError, OverflowError):
        found = []
    if len(found) != 4 or not all(map(math.isfinite, found)):
        raise StageError(f"{where}: found the box {written!r:.60}; accepted: four numbers")
    return found


def size_of(width: Any, height: Any) -> tuple[int, int] | None:
    """The size of a picture as a file of boxes has it; None if it has none, or zeros."""
    try:
        found = round(float(width)), round(float(height))
    except (TypeError, ValueError, OverflowError):
        return None
    return found if min(found) > 0 else None


def boxed(picture: Picture, boxes: Sequence[WrittenBox], wrong: Sequence[str]) -> Picture:
    """A picture with its boxes, or with all that is wrong with them."""
    return replace(picture, boxes=tuple(boxes), problem=listed(wrong))


def listed(mistakes: Sequence[str]) -> str:
    """Mistakes in a message, the first ones in full."""
    more = len(mistakes) - MISTAKES_TOLD
    told = [*mistakes[:MISTAKES_TOLD], *([f"and {more:,} more"] if more > 0 else [])]
    return "\n  ".join(told)


def by_key(names: Iterable[str]) -> dict[str, str]:
    """Files of boxes by what they have in common with their pictures.

    Raises:
        StageError: two of them belong to one picture.
    """
    found: dict[str, str] = {}
    for name in names:
        other = found.setdefault(key_of(name), name)
        if other != name:
            raise StageError(
                f"{name}: {other} has the same name; a picture has one file of boxes; remove one"
            )
    return found


def require_pictures(left: Mapping[str, str]) -> None:
    """Check that no file of boxes is left without a picture.

    Raises:
        StageError: some are.
    """
    if left:
        names = sorted(left.values())
        raise StageError(
            f"{len(names):,} files of boxes have no picture of their name, such as "
            f"{', '.join(names[:3])}"
        )


def passed_over(names: Sequence[str], why: str) -> list[str]:
    """A remark on pictures that are passed over; none if there are none."""
    if not names:
        return []
    what = f"{len(names):,} pictures are" if len(names) > 1 else "a picture is"
    return [f"{what} passed over, {why}, such as {names[0]}"]
