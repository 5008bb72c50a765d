"""Which part of a picture a model sees, and where an answer is in the picture.

A picture is resized and its middle kept, or it is stretched: `to_square` (resizing.py). What is
known of places in it, masks and boxes, goes the same way, and answers go back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Fit = Literal["crop", "stretch"]
NEAREST = Image.Resampling.NEAREST
Numbers = NDArray[np.uint8]


@dataclass(frozen=True)
class Frame:
    """How a picture of one size becomes a square.

    Attributes:
        width: of the picture, in its pixels.
        height: of the picture.
        scaled: width and height after it is resized.
        left: columns that are cut off on the left, after it is resized.
        top: rows that are cut off at the top.
        size: side of the square.
    """

    width: int
    height: int
    scaled: tuple[int, int]
    left: int
    top: int
    size: int

    @classmethod
    def of(cls, width: int, height: int, size: int, fit: Fit) -> Frame:
        """The frame of a picture: as it is, or its shorter side resized and the middle kept."""
        if fit == "stretch":
            return cls(width, height, (size, size), 0, 0, size)
        other = int(size * max(width, height) / min(width, height))
        scaled = (size, other) if width <= height else (other, size)
        return cls(width, height, scaled, (scaled[0] - size) // 2, (scaled[1] - size) // 2, size)

    @property
    def scale(self) -> tuple[float, float]:
        """How many pixels of the square a pixel of the picture is, across and down."""
        return self.scaled[0] / self.width, self.scaled[1] / self.height

    @property
    def shift(self) -> tuple[float, float]:
        """By how much places in the scaled picture move into the square."""
        return -self.left, -self.top

    @property
    def inside(self) -> tuple[int, int, int, int]:
        """Left, top, right and bottom of the square in the scaled picture."""
        return self.left, self.top, self.left + self.size, self.top + self.size

    @property
    def shown(self) -> tuple[slice, slice]:
        """The rows and the columns of the picture that the square shows."""
        across, down = self.scale
        left, top, right, bottom = self.inside
        return slice(round(top / down), round(bottom / down)), slice(
            round(left / across), round(right / across)
        )

    def square(self, mask: Numbers) -> Numbers:
        """A mask [height, width] as the square that belongs to the picture's: [size, size]."""
        image = Image.fromarray(mask)
        if image.size != self.scaled:
            image = image.resize(self.scaled, NEAREST)
        return np.asarray(image.crop(self.inside), dtype=np.uint8)

    def whole(self, square: Numbers, beyond: int) -> Numbers:
        """A mask of the square as one of the picture: [height, width].

        Args:
            square: [size, size].
            beyond: the number of places that the square does not show.
        """
        wide, high = self.scaled
        canvas = np.full((high, wide), beyond, dtype=np.uint8)
        canvas[self.top : self.top + self.size, self.left : self.left + self.size] = square
        image = Image.fromarray(canvas)
        if image.size != (self.width, self.height):
            image = image.resize((self.width, self.height), NEAREST)
        return np.asarray(image, dtype=np.uint8)
