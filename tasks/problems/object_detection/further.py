"""Average precision by the size of objects, as COCO divides them: small, medium and large.

COCO's sizes are areas in pixels of the picture as it was given (below 32², to 96², above), not of
the square that a model reads, in which every object would be small. So what is stored of a picture
is how many of its pixels are one of the square; a box that the square cuts counts with the part in
it. An area is that of the box: an outline, whose area COCO takes in its own files, is not kept.

Objects of other sizes are neither right nor wrong, and nor are answers of another size that match
no object (Lin et al., 2014; `COCOeval.evaluateImg`). A size without an object has no metric.
"""

from __future__ import annotations

import contextlib
import io
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.data.images.boxes import Box, from_text
from tasks.problems import Metric
from tasks.problems.object_detection.pictures import ZOOM
from tasks.problems.object_detection.scores import MOST, OVERLAPS, Matches, by_overlap
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
    found = {name: each for name, each in _matches_by_size(gold, predicted).items() if each}

    def metrics(weights: Floats) -> Values:
        return {name: _mean(matches, weights) for name, matches in found.items()}

    digests = np.array([zlib.crc32(text.encode()) for text in predicted], dtype=np.float64)
    return ByRow(digests, metrics)


def _mean(matches: Sequence[Matches], weights: Floats) -> Floats:
    """[resamples] the AP of a size."""
    there = np.stack([weights @ each.objects > 0 for each in matches])
    some: NDArray[np.bool_] = np.any(there, axis=0)
    values = np.stack([by_overlap(each, weights).mean(axis=0) for each in matches])
    means = (values * there).sum(axis=0) / np.maximum(there.sum(axis=0), 1)
    if some.all():
        return means
    return where_there(means, some, _mean(matches, np.ones((1, weights.shape[1]))))


def _matches_by_size(gold: Sequence[Truth], predicted: Sequence[str]) -> dict[str, list[Matches]]:
    """The matches of each label that has objects of a size, by the name of its metric."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    true = [from_text(text) for text, _ in gold]
    names = sorted({box.label for boxes in true for box in boxes if not box.crowd})
    if not names:
        return {}
    with contextlib.redirect_stdout(io.StringIO()):
        sides = []
        for boxes in (true, [from_text(text) for text in predicted]):
            side = COCO()
            side.dataset = {
                "images": [{"id": row} for row in range(len(gold))],
                "categories": [{"id": number} for number in range(len(names))],
                "annotations": _annotations(boxes, [zoom for _, zoom in gold], names),
            }
            side.createIndex()
            sides.append(side)
        run = COCOeval(*sides, "bbox")
        run.params.areaRng, run.params.areaRngLbl = [list(e) for e in SIZES.values()], [*SIZES]
        run.params.maxDets = [MOST]
        run.evaluate()
    found = np.array(run.evalImgs, dtype=object).reshape(len(names), len(SIZES), len(gold))
    each = {
        size: [_matches(found[label, place]) for label in range(len(names))]
        for place, size in enumerate(SIZES)
    }
    return {size: [one for one in every if one.objects.any()] for size, every in each.items()}


def _annotations(
    boxes: Sequence[Sequence[Box]], zooms: Sequence[float], names: Sequence[str]
) -> list[dict[str, Any]]:
    """Boxes as COCO has them; their areas are those in the given picture."""
    rows: list[dict[str, Any]] = []
    for row, (found, zoom) in enumerate(zip(boxes, zooms, strict=True)):
        for box in found:
            if box.label not in names:
                continue
            left, top, right, bottom = box.corners
            rows.append(
                {
                    "id": len(rows) + 1,
                    "image_id": row,
                    "category_id": names.index(box.label),
                    "bbox": [left, top, right - left, bottom - top],
                    "area": box.area * zoom,
                    "score": box.score,
                    "iscrowd": int(box.crowd),
                }
            )
    return rows


def _matches(pictures: NDArray[Any]) -> Matches:
    """The matches of a label and a size, without the answers that count at no overlap."""
    none = np.empty((len(OVERLAPS), 0), bool)
    objects = np.zeros(len(pictures))
    rows, scores, right, left_out = [np.empty(0, np.int64)], [np.empty(0)], [none], [none]
    for row, each in enumerate(pictures):
        if each is None:
            continue
        objects[row] = (~np.asarray(each["gtIgnore"], dtype=bool)).sum()
        out = np.asarray(each["dtIgnore"], dtype=bool).reshape(len(OVERLAPS), -1)
        counts = ~out.all(axis=0)
        matched = np.asarray(each["dtMatches"]).reshape(len(OVERLAPS), -1) > 0
        rows.append(np.full(int(counts.sum()), row, dtype=np.int64))
        scores.append(np.asarray(each["dtScores"], dtype=np.float64)[counts])
        left_out.append(out[:, counts])
        right.append((matched & ~out)[:, counts])
    order = np.argsort(-np.concatenate(scores), kind="mergesort")
    sorted_right, sorted_out = (np.concatenate(e, axis=1)[:, order] for e in (right, left_out))
    return Matches(np.concatenate(rows)[order], sorted_right, sorted_out, objects)
