"""Pictures as regions: squares of a grid, whose pixels are blank together.

A blank region has the mean colour of its picture.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from tasks.models.explaining.explained import Explained
from tasks.models.explaining.subject import RowInParts, Subject
from tasks.models.inference import model_inputs
from tasks.problems import Problem

SIDE = 8  # regions in a row of the grid, at most


@functools.lru_cache(maxsize=4)  # of all pictures of a size the same
def grid(height: int, width: int) -> NDArray[np.int64]:
    """The number of the region of each pixel, row by row: shape (height, width)."""
    down, across = (np.arange(length) * min(SIDE, length) // length for length in (height, width))
    found: NDArray[np.int64] = down[:, None] * min(SIDE, width) + across[None, :]
    return found


class Regions(Subject):
    """A model that reads pictures."""

    VARIED: ClassVar[str] = "pixel_values"
    PARTS: ClassVar[str] = "regions"

    def rows(self, table: pd.DataFrame, labels: Sequence[str]) -> list[RowInParts]:
        """The regions of each picture."""
        found = []
        for example in self.kind.encode(table, self.reader, labels):
            inputs = model_inputs(self.kind, self.model, [example])
            pixels = inputs[self.VARIED]
            blank = pixels.mean(dim=(2, 3), keepdim=True).expand_as(pixels)
            part_of = grid(*pixels.shape[2:])
            found.append(RowInParts(inputs, blank, part_of, int(part_of.max()) + 1))
        return found

    @property
    def blank(self) -> str:
        """The colour in the place of a region."""
        return "the mean colour of the picture"

    @property
    def embeddings(self) -> Any:
        """None: gradients are taken of pixels."""
        return None

    def over_features(self, found: Tensor) -> Tensor:
        """Of shape (height, width)."""
        return found.sum(dim=0)

    def as_read(self, _row: RowInParts, through: Tensor) -> Tensor:
        """The first place, which stands for the picture."""
        return through[0, 0]

    def of_places(self, row: RowInParts, values: Tensor) -> Tensor:
        """The patches behind the first place, each spread over its pixels."""
        height, width = row.part_of.shape
        patches = values[1:]
        down = round((len(patches) * height / width) ** 0.5)
        coarse = patches.reshape(1, 1, down, -1)
        fine = torch.nn.functional.interpolate(coarse, size=(height, width), mode="nearest")
        return fine[0, 0] * len(patches) / (height * width)


def subject_of(kind: Problem, explained: Explained, model: Any, reader: Any) -> Subject:
    """A model that reads pictures, to be explained."""
    return Regions(kind, explained, model, reader)
