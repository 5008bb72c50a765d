"""What problems share whose answers are about places in a picture: batches, tables, pages."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from tasks.problems.weighted import Floats

Batch = dict[str, torch.Tensor]
TRUTH_TOO = "truth"  # of a batch: the labels, which a prediction measures its loss with
PIXELS_IN_A_PLACE = 256  # of a batch of inference


def answered(
    rows: pd.DataFrame, predicted: Sequence[str], logits: Sequence[NDArray[np.float32]]
) -> pd.DataFrame:
    """The table of `decide`, from the answers as text; the loss is the last of the logits."""
    return pd.DataFrame(
        {
            "document": list(rows["document"]),
            "image": list(rows["image"]),
            "gold": list(rows["label"]),
            "predicted": list(predicted),
            "loss": [float(found[-1]) for found in logits],
        }
    )


def worst_and_others(quality: Floats, shown: int) -> list[int]:
    """The places of the pictures on a page: half of them the worst, then others from the best on.

    Args:
        quality: [pictures] of the answers.
        shown: pictures on the page, at most.
    """
    order = np.argsort(quality, kind="stable").tolist()
    half = shown // 2
    rest = order[half:][::-1]
    return [*order[:half], *rest[:: max(1, -(-len(rest) // half))]]
