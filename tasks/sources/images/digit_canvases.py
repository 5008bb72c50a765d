"""Handwritten digits laid on photographs, in grey, with what is known of each pixel.

scikit-learn brings the digits (see digits.py) and two photographs (CC BY 2.0, of flickr.com). Each
canvas has one to three digits, enlarged and moved at random, on a part of a photograph of low
contrast. The random numbers are hashes of what they are for, so that all machines draw the same. No
scan of a digit is in two splits, and each split has its own part of the photographs.
"""

from __future__ import annotations

import importlib.metadata
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tasks.data.rows import Split

LIBRARIES = ("scikit-learn", "pillow", "numpy")
SIDE = 64  # of a canvas, in pixels
COUNTS: dict[Split, int] = {"train": 800, "validation": 100, "test": 300}
SCANS: dict[Split, tuple[int, int]] = {  # of 1,797
    "train": (0, 1000),
    "validation": (1000, 1150),
    "test": (1150, 1797),
}
STRIPS: dict[Split, tuple[float, float]] = {  # of the photographs, from left to right
    "train": (0.0, 0.55),
    "validation": (0.55, 0.7),
    "test": (0.7, 1.0),
}
MOST_DIGITS = 3
SMALLEST, LARGEST = 22, 36  # sides of a digit
INK = 0.45  # of the darkest shade: a pixel with more is part of the digit
_DARKEST = 16
_CONTRAST, _GROUND = 0.45, 20  # of the photograph, in shades
_TRIES = 20  # to find a free place
_NUMBERS = 10  # of a digit


@dataclass(frozen=True)
class Digit:
    """A digit on a canvas.

    Attributes:
        label: 0 to 9.
        left: its first column.
        top: its first row.
        shades: [side, side] from 0 to 1.
    """

    label: int
    left: int
    top: int
    shades: Any


@dataclass(frozen=True)
class Canvas:
    """A picture with digits.

    Attributes:
        name: of its file.
        split: its split.
        pixels: uint8 [SIDE, SIDE].
        digits: on it; they do not overlap.
    """

    name: str
    split: Split
    pixels: Any
    digits: tuple[Digit, ...]


def identify() -> dict[str, str]:
    """The version of scikit-learn, whose files never change."""
    return {"scikit-learn": importlib.metadata.version("scikit-learn")}


def canvases() -> Iterator[Canvas]:
    """All canvases, split by split."""
    import numpy as np
    from PIL import Image
    from sklearn.datasets import load_digits, load_sample_images

    scans = load_digits()
    photographs = [
        np.asarray(Image.fromarray(each).convert("L")) for each in load_sample_images().images
    ]
    for number, (split, count) in enumerate(COUNTS.items()):
        for place in range(count):
            key = (number, place)
            ground = _ground(photographs, split, key)
            digits = tuple(_digits(scans, split, key))
            for digit in digits:
                high = slice(digit.top, digit.top + len(digit.shades))
                wide = slice(digit.left, digit.left + len(digit.shades))
                part = ground[high, wide]
                part += digit.shades * (255 - part)
            pixels = np.clip(np.rint(ground), 0, 255).astype(np.uint8)
            yield Canvas(f"{split}-{place:04}.png", split, pixels, digits)


def png(pixels: Any) -> bytes:
    """An array of bytes as a PNG."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    return file.getvalue()


def _ground(photographs: list[Any], split: Split, key: tuple[int, int]) -> Any:
    """A part of a photograph, dark and of low contrast: float [SIDE, SIDE]."""
    import numpy as np

    from tasks.data.randomness import below, draw

    photograph = photographs[int(below(draw(1, *key), len(photographs)))]
    high, wide = photograph.shape
    begin, end = (int(share * wide) for share in STRIPS[split])
    left = begin + int(below(draw(2, *key), end - begin - SIDE))
    top = int(below(draw(3, *key), high - SIDE))
    part = photograph[top : top + SIDE, left : left + SIDE]
    return _GROUND + _CONTRAST * part.astype(np.float64)


def _digits(scans: Any, split: Split, key: tuple[int, int]) -> Iterator[Digit]:
    """One to three digits that do not overlap; one without a free place is left out."""
    import numpy as np
    from PIL import Image

    from tasks.data.randomness import below, draw

    first, last = SCANS[split]
    taken = np.zeros((SIDE, SIDE), dtype=bool)
    for number in range(1 + int(below(draw(4, *key), MOST_DIGITS))):

        def drawn(purpose: int, bound: int, number: int = number) -> int:
            return int(below(draw(purpose, *key, number), bound))

        scan = first + drawn(5, last - first)
        side = SMALLEST + drawn(6, LARGEST - SMALLEST + 1)
        small = Image.fromarray((scans.images[scan] / _DARKEST).astype(np.float32))
        shades = np.asarray(small.resize((side, side), Image.Resampling.BICUBIC)).clip(0, 1)
        for turn in range(_TRIES):
            left, top = (drawn(_NUMBERS + 2 * turn + i, SIDE - side + 1) for i in (0, 1))
            place = (slice(top, top + side), slice(left, left + side))
            if not taken[place].any():
                taken[place] = True
                yield Digit(int(scans.target[scan]), left, top, shades.astype(np.float64))
                break
