"""Pictures with boxes: which are valid, their labels, and where they are in the square."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tasks.contract import StageError
from tasks.data.images.boxes import VISIBLE, Box, as_text, from_text, objects_in
from tasks.data.images.decoding import Decoded
from tasks.data.images.framing import Frame
from tasks.data.notices import Notices
from tasks.data.rows import LabelCounts
from tasks.problems.class_labels import require_learnable
from tasks.problems.picture_rows import Keep

if TYPE_CHECKING:
    from tasks.data.images.picture import Picture
    from tasks.experiment.images.pictures import Pixels
    from tasks.experiment.images.problem import ImageData

ROLES = ("image", "boxes")
NOTHING = "pictures without an object"
CROWD = "crowds and difficult objects, neither learnt nor measured"
MEASURED = ("-zoom.npy",)
(ZOOM,) = MEASURED  # behind the name of a split: how many pixels of each picture are one of ours
SLACK = 2.0  # pixels that a box may reach beyond its picture, as rounding does
SIZES = (  # areas below, as COCO divides them
    (32**2, "small boxes, below 32 × 32 pixels"),
    (96**2, "medium boxes, below 96 × 96 pixels"),
    (math.inf, "large boxes"),
)
BEYOND = (
    f"boxes of which less than {VISIBLE:.0%} is in the middle square of the picture, neither "
    "learnt nor measured (pixels.fit: stretch shows all of it)"
)
CLIPPED = "boxes that reach beyond their picture by two pixels at most, cut at its edge"


def answer(picture: Picture, decoded: Decoded, data: ImageData, notices: Notices) -> str | None:
    """The boxes of a picture as text, in pixels; None to leave it out.

    Raises:
        StageError: it has no annotation, its boxes are for a picture of another size, or are
            outside of it or of no area: all of them.
    """
    if picture.boxes is None:
        if data.missing_labels == "drop":
            notices.add("left out: pictures without an annotation", picture.where)
            return None
        raise StageError(
            f"{picture.where}: the picture has no annotation; accepted: COCO's JSON, Pascal VOC's "
            "XML, YOLO's text files (empty where there is no object). To leave such pictures out: "
            f"{data.part}.missing_labels: drop"
        )
    wide, high = decoded.size
    if picture.declared not in (None, decoded.size):
        raise StageError(
            f"{picture.where}: its boxes are for {picture.declared[0]:,} × {picture.declared[1]:,} "
            f"pixels, and the file has {wide:,} × {high:,} (upright); accepted: boxes for the file "
            "as it is"
        )
    found, wrong = [], []
    for written in picture.boxes:
        left, top, right, bottom = written.corners
        if written.relative:
            left, top, right, bottom = left * wide, top * high, right * wide, bottom * high
        box = Box(written.label.strip(), (left, top, right, bottom), crowd=written.crowd)
        said = _mistake(box, wide, high)
        if said:
            shown = ", ".join(f"{each:g}" for each in box.corners)
            wrong.append(f"{written.where}: the box {shown} (left, top, right, bottom) {said}")
            continue
        inside = box.within(wide, high)
        if inside != box:
            notices.add(CLIPPED, written.where)
        found.append(inside)
        if inside.crowd:
            notices.add(CROWD, written.where)
        else:
            notices.add(next(words for most, words in SIZES if inside.area < most))
    if wrong:
        raise StageError("\n  ".join(wrong))
    if all(box.crowd for box in found):
        notices.add(NOTHING, picture.where)
    return as_text(found)


def _mistake(box: Box, wide: int, high: int) -> str:
    """What is wrong with a box; empty if nothing is."""
    left, top, right, bottom = box.corners
    if not box.label:
        return "has no label"
    if not all(map(math.isfinite, box.corners)) or right <= left or bottom <= top:
        return "has no area"
    if left < -SLACK or top < -SLACK or right > wide + SLACK or bottom > high + SLACK:
        return f"is not in its picture of {wide:,} × {high:,} pixels"
    if not box.within(wide, high).area:
        return f"is not in its picture of {wide:,} × {high:,} pixels"
    return ""


def counted(answer: str) -> Iterable[str]:
    """The label of each object."""
    return [box.label for box in objects_in(answer)]


def labels(data: ImageData, counts: LabelCounts, rows: int) -> list[str]:
    """The labels in alphabetical order; one is enough.

    Raises:
        StageError: the training pictures have no box, or lack a label that others have.
    """
    found = sorted(counts["train"])
    if not found:
        raise StageError(
            f"{data.part}.source: no box in the {rows:,} training pictures; at least one is needed"
        )
    if len(found) == 1 and all({*each} <= {*found} for each in counts.values()):
        return found
    field = f"{data.part}.source"
    return require_learnable(found, counts, rows, part=data.part, field=field)


@contextmanager
def keeping(
    out: Path,
    counts: Mapping[str, int],
    pixels: Pixels,
    labels: Sequence[str],
    notices: Notices,
) -> Iterator[Keep]:
    """Keep the boxes of each picture as the text of its row, in pixels of the stored square.

    Of a box that the square cuts, the part in it stays: as an object if that is at least VISIBLE of
    it, else as a crowd, so that an answer there is not wrong. The others are left out; all that are
    lost are counted. SPLIT-zoom.npy, float64 [pictures], is how many pixels of a picture are one of
    the square, for the sizes of objects in it.

    Raises:
        StageError: no box is left of those to train with, or to test with.
    """
    whole, left = Counter[str](), Counter[str]()
    zooms: dict[str, list[float]] = {split: [] for split in counts}

    def keep(split: str, picture: Picture, decoded: Decoded, answer: str) -> str:
        frame = Frame.of(*decoded.size, pixels.size, pixels.fit)
        zooms[split].append(1 / math.prod(frame.scale))
        moved = [box.moved(frame.scale, frame.shift) for box in from_text(answer)]
        stay, lost = [], 0
        for box in moved:
            inside = box.within(pixels.size, pixels.size)
            is_seen = inside.area >= VISIBLE * box.area
            if inside.area:
                stay.append(replace(inside, crowd=box.crowd or not is_seen))
            lost += not (is_seen or box.crowd)
        whole[split] += sum(not box.crowd for box in moved)
        left[split] += sum(not box.crowd for box in stay)
        if lost:
            notices.add(BEYOND, picture.where, lost)
        return as_text(stay)

    yield keep
    for split, found in zooms.items():
        np.save(out / f"{split}{ZOOM}", np.array(found))
    for split in ("train", "test"):
        number = whole[split]
        if number and not left[split]:
            raise StageError(
                f"pixels.fit: found {pixels.fit!r}, with which none of the {number:,} boxes of the "
                f"{split} split is left: they lie outside of the middle square of their pictures; "
                "accepted: stretch, which shows the whole picture"
            )
