"""Handwritten digits on photographs, with masks: 0 is the ground, 1 to 10 the digits 0 to 9."""

from __future__ import annotations

from collections.abc import Iterator

from tasks.experiment.images.pictures import PictureColumns
from tasks.sources import Progress, Source
from tasks.sources.images import MaskFile, Picture, digit_canvases

WRITTEN = "builtin:digit-masks"
NAMES = ("ground", *(f"digit {number}" for number in range(10)))
LIBRARIES = digit_canvases.LIBRARIES


def is_here(location: str) -> bool:
    """`builtin:digit-masks` alone."""
    return location == WRITTEN


def identify(_location: str, _field: str) -> dict[str, str]:
    """The version of scikit-learn, whose files never change."""
    return digit_canvases.identify()


def name_of(_identity: dict[str, str]) -> str:
    """Its name on pages."""
    return "handwritten digits on photographs, with masks"


def pictures(_source: Source, _columns: PictureColumns, progress: Progress) -> Iterator[Picture]:
    """The canvases, each with its mask."""
    import numpy as np

    total = sum(digit_canvases.COUNTS.values())
    for number, canvas in enumerate(digit_canvases.canvases(), 1):
        mask = np.zeros(canvas.pixels.shape, dtype=np.uint8)
        for digit in canvas.digits:
            side = len(digit.shades)
            part = mask[digit.top : digit.top + side, digit.left : digit.left + side]
            part[digit.shades > digit_canvases.INK] = 1 + digit.label
        where = f"{WRITTEN}, {canvas.name}"
        yield Picture(
            canvas.name,
            digit_canvases.png(canvas.pixels),
            None,
            "",
            canvas.split,
            where,
            mask=MaskFile(digit_canvases.png(mask), f"{where}, its mask", names=NAMES),
        )
        progress(number, total, "pictures")
