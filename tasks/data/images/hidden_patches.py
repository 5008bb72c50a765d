"""Pictures of which some patches are hidden: as a function of seed, epoch and index."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from tasks.data.images.examples import PIXELS, Batch, Indices, Views
from tasks.data.randomness import draw

_HIDE = 80  # purpose of a draw
ORDER, SHARE = "patch_order", "share"  # of a batch


@dataclass(frozen=True)
class HiddenPatches:
    """Pictures, and for each an order of patches, the first of which are hidden.

    Attributes:
        views: the pictures.
        share: of the patches that are hidden.
        seed: of the choice.
    """

    views: Views
    share: float
    seed: int

    def __len__(self) -> int:
        return len(self.views)

    def draw(self, indices: Indices, epochs: Indices) -> Batch:
        """A batch with `patch_order`, random bits for each patch, and the share of each picture."""
        keys = draw(self.seed, _HIDE, epochs, indices).astype(np.int64)
        shares = torch.full((len(indices),), self.share)
        return self.views.draw(indices, epochs) | {
            ORDER: torch.from_numpy(keys),
            SHARE: shares,
        }


def hidden(batch: Batch, patches: int) -> Tensor:
    """[pictures, patches] whether a patch is hidden: as many in each picture, at least one."""
    keys = batch[ORDER].cpu().numpy().astype(np.uint64)
    bits = draw(keys[:, None], np.arange(patches))
    count = max(1, round(float(batch[SHARE][0]) * patches))
    chosen = np.argsort(bits, axis=1, kind="stable")[:, :count]
    found = torch.zeros(len(keys), patches, dtype=torch.bool)
    found[torch.arange(len(keys))[:, None], torch.from_numpy(chosen)] = True
    return found.to(batch[PIXELS].device)
