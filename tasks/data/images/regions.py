"""Regions of COCO (polygons, and runs of pixels) as a mask, drawn by `pycocotools`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.contract import StageError
from tasks.data.images.picture import Region

ACCEPTED = (
    'polygons, each a list of x and y in turn of three or more corners, or {"size": [height, '
    'width], "counts": …}'
)


def draw(regions: Sequence[Region], size: tuple[int, int]) -> NDArray[np.uint8]:
    """The numbers of the regions at each pixel, 0 where there is none: [height, width].

    Where two overlap, the later one is seen.

    Args:
        regions: in the order in which they are drawn.
        size: width and height of the picture.

    Raises:
        StageError: a region is neither polygons nor runs, or of another size.
    """
    from pycocotools import mask as masks

    width, height = size
    drawn = np.zeros((height, width), dtype=np.uint8)
    for region in regions:
        runs = _runs(region, width, height)
        try:
            inside = masks.decode(masks.merge(runs)).astype(bool)
        except Exception as error:  # the library raises what its C code finds
            raise StageError(f"{region.where}: the segmentation cannot be read: {error}") from None
        drawn[inside] = region.number
    return drawn


def _runs(region: Region, width: int, height: int) -> list[Any]:
    """The parts of a region as compressed runs."""
    from pycocotools import mask as masks

    shape = region.shape
    if isinstance(shape, dict):
        if shape.get("size") != [height, width]:
            raise StageError(
                f"{region.where}: the segmentation has the size {shape.get('size')!r:.40} and the "
                f"picture [{height}, {width}] (height, width); accepted: the same"
            )
        counts = shape.get("counts")
        if isinstance(counts, list) and sum(filter(_is_whole, counts)) == width * height:
            return [masks.frPyObjects(shape, height, width)]
        if isinstance(counts, str) and counts.isascii():
            return [{"size": [height, width], "counts": counts.encode()}]
    elif isinstance(shape, list) and shape and all(map(_is_polygon, shape)):
        found: list[Any] = masks.frPyObjects(shape, height, width)
        return found
    raise StageError(f"{region.where}: found the segmentation {shape!r:.60}; accepted: {ACCEPTED}")


def _is_whole(number: Any) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and number >= 0


def _is_polygon(corners: Any) -> bool:
    return (
        isinstance(corners, list)
        and len(corners) >= 6
        and len(corners) % 2 == 0
        and all(isinstance(e, int | float) and math.isfinite(e) for e in corners)
    )
