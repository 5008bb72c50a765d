"""Average precision by the size of objects, as COCO divides them: small, medium and large.

COCO's sizes are areas in pixels of the picture as it was given (below 32², to 96², above), not of
the square that a model reads, in which every object would be small. So what is stored of a picture
is how many of its pixels are one of the square; a box that the square cuts counts with the part in
it. An area is that of the box: an outline, whose area COCO takes in its own files, is not kept.

Objects of other sizes are neither right nor wrong, and nor are answers of another size that match
no object (Lin et al., 2014; `COCOeval.evaluateImg`). A size without an object has no metric.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.problems import Metric
from tasks.problems.object_detection.matching import Matches, by_overlap, matches_within
from tasks.problems.object_detection.pictures import ZOOM
from tasks.problems.object_detection.scores import digests_of
from tasks.problems.rare_parts import where_there
from tasks.problems.weighted import ByRow, Floats, Values

SIZES = {  # areas in pixels of the given picture: from, to
    "average_precision_small": (0, 32**2),
    "average_precision_medium": (32**2, 96**2),
    "average_precision_large": (96**2, 1e10),
}
METRICS = {
    "average_precision_small": Metric("AP of small objects (to 32 × 32 pixels)", centred=True),
    "average_precision_medium": Metric("AP of medium objects (to 96 × 96 pixels)", centred=True),
    "average_precision_large": Metric("AP of large objects", centred=True),
}
Truth = tuple[str, float]  # the boxes of a picture as text; its pixels that are one of the square


def truths(test: pd.DataFrame, data: Path) -> list[Truth]:
    """The boxes of each test picture, and how much larger the picture was than it is stored."""
    zooms = np.load(data / f"test{ZOOM}")
    return [
        (text, float(zooms[place]))
        for text, place in zip(test["label"], test["place"], strict=True)
    ]


def score(gold: Sequence[Truth], predicted: Sequence[str], labels: Sequence[str]) -> ByRow:
    """The AP of each size that has objects: means over the labels that have one of that size.

    A resample without an object of a size takes the value of another one (`where_there`).
    """
    texts, zooms = [text for text, _ in gold], [zoom for _, zoom in gold]
    by_size = matches_within([*SIZES.values()], texts, predicted, zooms)
    there = {
        name: [one for one in every.values() if one.objects.any()]
        for name, every in zip(SIZES, by_size, strict=True)
    }

    def metrics(weights: Floats) -> Values:
        return {name: _mean(matches, weights) for name, matches in there.items() if matches}

    return ByRow(digests_of(predicted), metrics)


def _mean(matches: Sequence[Matches], weights: Floats) -> Floats:
    """[resamples] the AP of a size."""
    there = np.stack([weights @ each.objects > 0 for each in matches])
    some: NDArray[np.bool_] = np.any(there, axis=0)
    values = np.stack([by_overlap(each, weights).mean(axis=0) for each in matches])
    means = (values * there).sum(axis=0) / np.maximum(there.sum(axis=0), 1)
    if some.all():
        return means
    return where_there(means, some, _mean(matches, np.ones((1, weights.shape[1]))))
