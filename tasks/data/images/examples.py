"""The examples of stored pictures, as an objective or a problem draws them, and their batches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tasks.data.images.augmentation import Augmenter, to_tensor
from tasks.data.images.mixing import Mixer
from tasks.data.images.pixel_arrays import Pictures
from tasks.data.randomness import draw, permuted

Indices = NDArray[np.int64]
Batch = dict[str, Tensor]
ORDER = 31  # purpose of a draw: the order of pictures in an epoch
UNIT = "pictures"
PIXELS, VIEWS, LABELS = "pixel_values", "views", "labels"  # of a batch


class ImageExamples(Protocol):
    """The examples of stored pictures, one epoch of them."""

    def __len__(self) -> int:
        """Examples in an epoch."""

    def draw(self, indices: Indices, epochs: Indices) -> Batch:
        """A batch: example `indices[i]` as it is drawn in epoch `epochs[i]`."""


@dataclass(frozen=True)
class Views:
    """Stored pictures in one or more views, with their labels.

    Attributes:
        pictures: as stored.
        augmenters: one a view; empty for the pictures as they are.
        constants: numbers that each batch has too, by name.
        mixer: mixes the pictures of a batch, and their labels; None leaves them apart.
    """

    pictures: Pictures
    augmenters: tuple[Augmenter, ...] = ()
    constants: Mapping[str, float] = field(default_factory=dict)
    mixer: Mixer | None = None

    def __len__(self) -> int:
        return len(self.pictures)

    def draw(self, indices: Indices, epochs: Indices) -> Batch:
        """`pixel_values` and `labels`; with two views also `views`, of the same shape."""
        as_stored = to_tensor([self.pictures.pixels[i] for i in indices])
        found = [each(as_stored, indices, epochs) for each in self.augmenters] or [as_stored]
        batch = {PIXELS: found[0], LABELS: torch.from_numpy(self.pictures.labels[indices])}
        batch |= {name: torch.tensor(value) for name, value in self.constants.items()}
        if self.mixer is not None:
            return self.mixer(batch, indices, epochs)
        return batch if len(found) < 2 else batch | {VIEWS: found[1]}


@dataclass(frozen=True)
class ImageBatches:
    """The batches of a training: epoch after epoch, each in another order."""

    examples: ImageExamples
    steps: int
    batch_size: int
    seed: int

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, step: int) -> Batch:
        """The batch of an optimizer step, from 0: a pure function of the seed and the step."""
        size = len(self.examples)
        places = np.arange(step * self.batch_size, (step + 1) * self.batch_size)
        epochs = places // size
        order = draw(self.seed, ORDER, epochs)
        return self.examples.draw(permuted(places % size, size, order), epochs)


def in_order(examples: ImageExamples, count: int, at_once: int) -> list[Batch]:
    """The first examples in their order, as they are drawn in epoch 0, some at a time."""
    parts = [np.arange(at, min(at + at_once, count)) for at in range(0, count, at_once)]
    return [examples.draw(part, np.zeros_like(part)) for part in parts]


def rows(batch: Batch) -> int:
    """Pictures in a batch, each view counted as one."""
    return len(batch[PIXELS]) + (len(batch[VIEWS]) if VIEWS in batch else 0)
