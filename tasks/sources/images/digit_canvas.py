"""Handwritten digits on photographs, with a box around each."""

from __future__ import annotations

from collections.abc import Iterator

from tasks.experiment.images.pictures import PictureColumns
from tasks.sources import Progress, Source
from tasks.sources.images import Picture, WrittenBox, digit_canvases

WRITTEN = "builtin:digit-canvas"
LIBRARIES = digit_canvases.LIBRARIES


def is_here(location: str) -> bool:
    """`builtin:digit-canvas` alone."""
    return location == WRITTEN


def identify(_location: str, _field: str) -> dict[str, str]:
    """The version of scikit-learn, whose files never change."""
    return digit_canvases.identify()


def name_of(_identity: dict[str, str]) -> str:
    """Its name on pages."""
    return "handwritten digits on photographs, with boxes"


def pictures(_source: Source, _columns: PictureColumns, progress: Progress) -> Iterator[Picture]:
    """The canvases, each with the boxes around the ink of its digits."""
    import numpy as np

    total = sum(digit_canvases.COUNTS.values())
    for number, canvas in enumerate(digit_canvases.canvases(), 1):
        where, boxes = f"{WRITTEN}, {canvas.name}", []
        for digit in canvas.digits:
            rows, columns = np.nonzero(digit.shades > digit_canvases.INK)
            corners = (
                digit.left + float(columns.min()),
                digit.top + float(rows.min()),
                digit.left + float(columns.max()) + 1,
                digit.top + float(rows.max()) + 1,
            )
            boxes.append(WrittenBox(str(digit.label), corners, where))
        data = digit_canvases.png(canvas.pixels)
        yield Picture(canvas.name, data, None, "", canvas.split, where, boxes=tuple(boxes))
        progress(number, total, "pictures")
