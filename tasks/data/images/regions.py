"""Regions of COCO (polygons, and runs of pixels) as a mask, drawn by `pycocotools`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.contract import StageError
from tasks.data.images.picture import Region
from tasks.data.notices import Notices

WITHOUT = "objects with a box and no segmentation: their pixels count as background"
EMPTY = "regions of masks that have no pixel of their picture"
_MOST = 1e9  # of a corner; numbers of thousands of digits cannot be shown either
_MOST_SHIFTED = 40  # bits before the last digit of a run
ACCEPTED = (
    'polygons, each a list of x and y in turn of three or more corners, or {"size": [height, '
    'width], "counts": …}'
)


def draw(
    regions: Sequence[Region], size: tuple[int, int], notices: Notices | None = None
) -> NDArray[np.uint8]:
    """The numbers of the regions at each pixel, 0 where there is none: [height, width].

    Where two overlap, the later one is seen.

    Args:
        regions: in the order in which they are drawn.
        size: width and height of the picture.
        notices: counts the regions without a pixel, and without a shape.

    Raises:
        StageError: a region is neither polygons nor runs, or of another size.
    """
    width, height = size
    drawn = np.zeros((height, width), dtype=np.uint8)
    for region in regions:
        if region.shape is None:
            if notices is not None:
                notices.add(WITHOUT, region.where)
            continue
        inside = _inside(region, width, height)
        drawn[inside] = region.number
        if notices is not None and not inside.any():
            notices.add(EMPTY, region.where)
    return drawn


def _inside(region: Region, width: int, height: int) -> NDArray[np.bool_]:
    """The pixels of a region: [height, width]."""
    shape = region.shape
    if isinstance(shape, dict):
        if shape.get("size") != [height, width]:
            raise StageError(
                f"{region.where}: the segmentation has the size {shape.get('size')!r:.40} and the "
                f"picture [{height}, {width}] (height, width); accepted: the same"
            )
        counts = shape.get("counts")
        runs = _unpacked(counts) if isinstance(counts, str) else counts
        if isinstance(runs, list) and all(map(_is_whole, runs)) and sum(runs) == width * height:
            # By columns, as COCO has them; pycocotools trusts the counts of a file.
            return np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(width, height).T
    elif isinstance(shape, list) and shape and all(map(_is_polygon, shape)):
        return _filled(shape, width, height, region.where)
    raise StageError(f"{region.where}: found the segmentation {shape!r:.60}; accepted: {ACCEPTED}")


def _filled(polygons: list[Any], width: int, height: int, where: str) -> NDArray[np.bool_]:
    """The pixels inside of polygons.

    Raises:
        StageError: a corner is further outside than the picture is large. The library walks along
            each edge pixel by pixel, and writes outside of its memory where an edge is very long.
    """
    from pycocotools import mask as masks

    for corners in polygons:
        for place, side in ((corners[0::2], width), (corners[1::2], height)):
            if min(place) < -side or max(place) > 2 * side:
                raise StageError(
                    f"{where}: the polygon reaches from {min(place):g} to {max(place):g}, and the "
                    f"picture from 0 to {side}; accepted: pixels of this picture"
                )
    inside: NDArray[np.uint8] = masks.decode(
        masks.merge(masks.frPyObjects(polygons, height, width))
    )
    return inside.astype(np.bool_)


def _unpacked(text: str) -> list[int] | None:
    """The runs of a compressed text of COCO; None if it is none.

    Each is a number in base 32, the lowest digit first, in characters from "0" on: 32 marks that
    digits follow, 16 of the last digit the sign. From the fourth on, it is the difference from the
    run but one before.
    """
    runs: list[int] = []
    value = shift = 0
    for sign in text:
        digit = ord(sign) - 48
        if not 0 <= digit < 64 or shift > _MOST_SHIFTED:
            return None
        value |= (digit & 31) << shift
        shift += 5
        if not digit & 32:
            value -= (digit >> 4 & 1) << shift
            runs.append(value + (runs[-2] if len(runs) > 2 else 0))
            value = shift = 0
    return None if shift else runs


def _is_whole(number: Any) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and number >= 0


def _is_polygon(corners: Any) -> bool:
    return (
        isinstance(corners, list)
        and len(corners) >= 6
        and len(corners) % 2 == 0
        and all(isinstance(e, int | float) and not isinstance(e, bool) for e in corners)
        and all(abs(e) < _MOST for e in corners)  # also no NaN
    )
