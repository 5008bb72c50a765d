"""A picture as a source yields it: the bytes of its file, and what is known of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tasks.data.rows import Split


@dataclass(frozen=True, slots=True)
class Region:
    """A part of a picture as COCO has it.

    Attributes:
        number: of its class.
        shape: polygons, lists of x and y in turn; or runs, `{"size": …, "counts": …}`; None where
            there is a box alone.
        where: its position for people.
    """

    number: int
    shape: Any
    where: str


@dataclass(frozen=True, slots=True)
class MaskFile:
    """The mask of a picture as the source has it.

    Attributes:
        data: the bytes of its file; empty where the file is missing, or there are `regions`.
        where: its position for people.
        problem: why there is none, such as a missing file; "" if there is one.
        names: what its numbers from 0 on mean; () where the source does not say it.
        regions: drawn in this order on the number 0, where the mask is no file; None where it is.
    """

    data: bytes
    where: str
    problem: str = ""
    names: tuple[str, ...] = ()
    regions: tuple[Region, ...] | None = None


@dataclass(frozen=True, slots=True)
class WrittenBox:
    """A box around an object as the source has it.

    Attributes:
        label: what it is.
        corners: left, top, right, bottom.
        where: its position for people.
        relative: whether the corners are shares of the picture, not pixels.
        crowd: whether it is neither learnt nor measured: `iscrowd` of COCO, `difficult` of VOC.
    """

    label: str
    corners: tuple[float, float, float, float]
    where: str
    relative: bool = False
    crowd: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as the source has it.

    Attributes:
        name: stable, the same wherever the source lies, and unique in it.
        data: the bytes of its file; empty where the file is missing.
        label: as written; None where there is none.
        group: what it shares with other pictures; "" if unknown.
        split: the split in the source; "" if the source has none.
        where: its position for people, such as `labels.csv, line 12: a.png`.
        problem: why there is no picture, such as a missing file; "" if there is one.
        mask: a number for each of its pixels; None where there is none.
        boxes: around its objects, perhaps none; None where it has no annotation.
        declared: the width and height that its boxes are for; None where that is not said.
    """

    name: str
    data: bytes
    label: Any
    group: str
    split: Split
    where: str
    problem: str = ""
    mask: MaskFile | None = None
    boxes: tuple[WrittenBox, ...] | None = None
    declared: tuple[int, int] | None = None
