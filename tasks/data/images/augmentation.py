"""Pictures varied at random while a model learns: a pure function of seed, epoch and index.

The random numbers of a picture are hashes of what they are for (`tasks/data/randomness.py`), so a
resumed training sees the very pictures that it would have seen, in any batch and any process.
Crop, shift, rotation, shear and flip are one affine map, so that a picture is resampled once
(bilinear); then come colour, blur, and erasing (Zhong et al., 2020, "Random erasing data
augmentation", section 3.2). What is beyond the edge of a picture is black.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from tasks.data.images.pixel_arrays import Pixels
from tasks.data.randomness import draw, unit
from tasks.experiment.images.training import Augmentation

Indices = NDArray[np.int64]
Floats = NDArray[np.float64]

PURPOSE = 50  # of a draw: numbers from here on
_SCALE, _SHIFT_X, _SHIFT_Y, _TURN, _SHEAR, _FLIP = range(PURPOSE, PURPOSE + 6)
_BRIGHT, _CONTRAST, _TINT, _BLUR = range(PURPOSE + 10, PURPOSE + 14)
_ERASE, _AREA, _ASPECT, _LEFT, _TOP = range(PURPOSE + 20, PURPOSE + 25)
_AREAS, _ASPECTS = (0.02, 0.2), (0.3, 1 / 0.3)  # of an erased rectangle

MIDDLE, SPREAD = 127.5, 127.5  # pixels of 0 to 255 become numbers from -1 to 1
BLACK = -1.0


def to_tensor(pixels: Pixels | Sequence[Pixels]) -> Tensor:
    """Stored pictures as a model reads them: float32 [pictures, 3, height, width], from -1 to 1."""
    stacked = torch.from_numpy(np.ascontiguousarray(np.stack(list(pixels))))
    values = (stacked.permute(0, 3, 1, 2).float() - MIDDLE) / SPREAD
    return values.expand(-1, 3, -1, -1) if values.shape[1] == 1 else values.contiguous()


@dataclass(frozen=True)
class Augmenter:
    """Varies pictures.

    Attributes:
        settings: how much.
        seed: of all random numbers.
        view: which of several views of a picture; another view, other numbers.
        channels: those that are stored; of 1, the model reads three equal ones.
    """

    settings: Augmentation
    seed: int
    view: int = 0
    channels: int = 3

    def __call__(self, pictures: Tensor, indices: Indices, epochs: Indices) -> Tensor:
        """Pictures [pictures, channels, height, width] varied: `indices[i]` in `epochs[i]`."""
        drawn = _Drawn(self.seed, self.view, indices, epochs)
        found = _moved(pictures[:, : self.channels], self.maps(indices, epochs))
        if self.settings.colour:
            found = self._coloured(found, drawn)
        if self.settings.blur:
            found = self._blurred(found, drawn)
        if self.settings.erase:
            found = self._erased(found, drawn)
        return found.expand(-1, pictures.shape[1], -1, -1)

    def maps(self, indices: Indices, epochs: Indices) -> Floats:
        """[pictures, 2, 3] where a place of the result is in the picture, both from -1 to 1.

        Columns are x, y and 1: a place (x, y) of the result is at `map @ (x, y, 1)`.
        """
        drawn, settings = _Drawn(self.seed, self.view, indices, epochs), self.settings
        scale = drawn.between(_SCALE, settings.crop, 1.0)
        room = 1 - scale  # a smaller part may lie anywhere in the picture
        shifts = [
            (room + 2 * settings.shift) * drawn.between(purpose, -1.0, 1.0)
            for purpose in (_SHIFT_X, _SHIFT_Y)
        ]
        angle = math.radians(settings.rotation) * drawn.between(_TURN, -1.0, 1.0)
        shear = settings.shear * drawn.between(_SHEAR, -1.0, 1.0)
        mirror = np.where(drawn.unit(_FLIP) < 0.5, -1.0, 1.0) if settings.flip else np.ones(())
        cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
        found = np.zeros((len(indices), 2, 3))
        found[:, 0, 0], found[:, 0, 1] = mirror * cosine, shear * cosine - sine
        found[:, 1, 0], found[:, 1, 1] = mirror * sine, shear * sine + cosine
        found[:, 0, 2], found[:, 1, 2] = shifts
        return found

    def _coloured(self, pictures: Tensor, drawn: _Drawn) -> Tensor:
        most = self.settings.colour
        bright = _column(most * drawn.between(_BRIGHT, -1.0, 1.0))
        contrast = _column(1 + most * drawn.between(_CONTRAST, -1.0, 1.0))
        middle = pictures.mean(dim=(1, 2, 3), keepdim=True)
        found = (pictures - middle) * contrast + middle + bright
        channels = pictures.shape[1]
        if channels > 1:
            tints = [drawn.between(_TINT, -1.0, 1.0, number) for number in range(channels)]
            tint = torch.from_numpy(np.stack(tints, axis=1)).float()[:, :, None, None]
            found = found + most / 2 * tint
        return found.clamp(-1.0, 1.0)

    def _blurred(self, pictures: Tensor, drawn: _Drawn) -> Tensor:
        found = pictures.clone()
        size = pictures.shape[2:]
        share, half = drawn.unit(_BLUR), self.settings.blur / 2
        for factor, chosen in ((2, share < half), (4, (share >= half) & (share < 2 * half))):
            places = torch.from_numpy(np.flatnonzero(chosen))
            if len(places) and min(size) >= factor:
                small = functional.avg_pool2d(found[places], factor)
                found[places] = functional.interpolate(
                    small, size=size, mode="bilinear", align_corners=False
                )
        return found

    def _erased(self, pictures: Tensor, drawn: _Drawn) -> Tensor:
        found = pictures.clone()
        height, width = pictures.shape[2:]
        chosen = np.flatnonzero(drawn.unit(_ERASE) < self.settings.erase)
        area = drawn.between(_AREA, *_AREAS)
        aspect = np.exp(drawn.between(_ASPECT, *np.log(_ASPECTS)))
        high = np.clip(np.rint(np.sqrt(area * aspect) * height), 1, height).astype(int)
        wide = np.clip(np.rint(np.sqrt(area / aspect) * width), 1, width).astype(int)
        top = np.floor(drawn.unit(_TOP) * (height - high + 1)).astype(int)
        left = np.floor(drawn.unit(_LEFT) * (width - wide + 1)).astype(int)
        for i in chosen:
            found[i, :, top[i] : top[i] + high[i], left[i] : left[i] + wide[i]] = 0.0
        return found


@dataclass(frozen=True)
class _Drawn:
    """The random numbers of some pictures."""

    seed: int
    view: int
    indices: Indices
    epochs: Indices

    def unit(self, purpose: int, number: int = 0) -> Floats:
        """[pictures] from 0 to 1."""
        return unit(draw(self.seed, purpose, self.view, number, self.epochs, self.indices))

    def between(self, purpose: int, low: float, high: float, number: int = 0) -> Floats:
        """[pictures] from low to high."""
        return low + (high - low) * self.unit(purpose, number)


def _moved(pictures: Tensor, maps: Floats) -> Tensor:
    """Pictures resampled by affine maps; as they are if no map moves anything."""
    if np.array_equal(maps, np.broadcast_to(np.eye(2, 3), maps.shape)):
        return pictures
    grid = functional.affine_grid(
        torch.from_numpy(maps).float(), list(pictures.shape), align_corners=False
    )
    moved = functional.grid_sample(
        pictures - BLACK, grid, mode="bilinear", padding_mode="zeros", align_corners=False
    )
    return moved + BLACK


def _column(values: Floats) -> Tensor:
    return torch.from_numpy(values).float()[:, None, None, None]
