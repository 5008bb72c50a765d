"""The accuracy of labels predicted from features by the nearest labelled neighbour.

Nothing is trained and no random number is drawn (Wu et al., 2018, "Unsupervised feature learning
via non-parametric instance discrimination", section 3.4, with one neighbour). It shows while an
encoder is pre-trained whether its features say what an example is: where they are all alike, it
falls to chance.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional


def share_of_nearest(
    known: Tensor, labels: NDArray[np.generic], asked: Tensor, wanted: NDArray[np.generic]
) -> float:
    """The share of asked examples whose nearest known one has their label.

    Args:
        known: features, [examples, width], about whose mean both are taken, at length 1.
        labels: of the known examples.
        asked: features, [examples, width].
        wanted: labels of the asked examples.
    """
    middle = known.mean(dim=0)
    near = functional.normalize(asked - middle) @ functional.normalize(known - middle).T
    return float(np.mean(labels[near.argmax(dim=1).numpy()] == wanted))
