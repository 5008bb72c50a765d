"""Pictures mixed with others of their batch, and their labels with them.

Mixup (Zhang et al., 2018, "mixup: beyond empirical risk minimization", ICLR, equation 2), with a
share of its own for each picture. The share is a function of seed, epoch and index; the partner is
the picture before it in the batch, whose order is one of seed and step. So a resumed training sees
the same mixtures.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import betaincinv
from torch import Tensor
from torch.nn import functional

from tasks.data.randomness import draw, unit

Indices = NDArray[np.int64]
SHARE = 80  # purpose of a draw: how much of a picture stays


@dataclass(frozen=True)
class Mixer:
    """Mixes the pictures of a batch.

    Attributes:
        strength: both parameters of the beta distribution that shares are drawn from; above 0.
        seed: of the shares.
        classes: how many labels there are.
    """

    strength: float
    seed: int
    classes: int

    def shares(self, indices: Indices, epochs: Indices) -> Tensor:
        """How much of each picture stays: float32 [pictures], from 0 to 1."""
        drawn = unit(draw(self.seed, SHARE, epochs, indices))
        return torch.from_numpy(betaincinv(self.strength, self.strength, drawn)).float()

    def __call__(
        self, batch: dict[str, Tensor], indices: Indices, epochs: Indices
    ) -> dict[str, Tensor]:
        """A batch mixed: `labels` become shares of each label, of shape [pictures, classes].

        Args:
            batch: `pixel_values` [pictures, 3, height, width]; `labels`, their numbers, or 1 and 0
                for each of several labels.
            indices: the number of each picture.
            epochs: the epoch that each is drawn in.
        """
        labels = batch["labels"]
        if labels.ndim == 1:
            labels = functional.one_hot(labels, self.classes).float()
        stays = self.shares(indices, epochs)
        return batch | {
            "pixel_values": _mixed(batch["pixel_values"], stays[:, None, None, None]),
            "labels": _mixed(labels, stays[:, None]),
        }


def _mixed(values: Tensor, stays: Tensor) -> Tensor:
    return stays * values + (1 - stays) * values.roll(1, 0)
