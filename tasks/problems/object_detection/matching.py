"""The answers of detectors matched to objects, and their average precision by COCO's definition.

`pycocotools` matches the answers to each picture (Lin et al., 2014, "Microsoft COCO: common objects
in context"; at most 100 a picture, IoU of 0.50, 0.55 … 0.95). Precision at 101 levels of recall is
then accumulated here for all resamples at once, as it would be if a picture that is drawn twice
were there twice; on all pictures it is what `COCOeval.accumulate` gives.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.data.images.boxes import Box, from_text
from tasks.problems.weighted import Floats

LEVELS = np.linspace(0, 1, 101)  # of recall
OVERLAPS = np.linspace(0.5, 0.95, 10)  # IoU
MOST = 100  # answers to a picture
NUMBERS_AT_ONCE = 1_000_000  # 8 MB; an answer has a number in each resample, several times over


@dataclass(frozen=True)
class Matches:
    """The answers of one label, the surest first.

    Attributes:
        row: [answers] the picture of each.
        right: [overlaps, answers] whether it is matched to an object.
        left_out: [overlaps, answers] whether it is in a crowd, and so neither right nor wrong.
        objects: [pictures] how many objects there are.
    """

    row: NDArray[np.int64]
    right: NDArray[np.bool_]
    left_out: NDArray[np.bool_]
    objects: Floats

    def curve(self) -> list[float]:
        """The precision at each of LEVELS, at the first of OVERLAPS; on all pictures."""
        is_right, seen = self.right[0], ~self.left_out[0]
        right = np.cumsum(is_right)
        precise = right / np.maximum(np.cumsum(seen), 1)
        best = np.maximum.accumulate(precise[::-1])[::-1]
        recall = right / max(self.objects.sum(), 1)
        place = np.searchsorted(recall, LEVELS, side="left")
        return [float(best[i]) if i < len(best) else 0.0 for i in place]

    def precision(self, weights: Floats) -> Floats:
        """[overlaps, resamples] the average precision; 0 where there is no object of the label.

        A level of recall is reached at a right answer, and worth the best precision from there on,
        which is that of a right answer too: the others only count as seen.

        Args:
            weights: [resamples, pictures].
        """
        each = weights[:, self.row]
        every = np.cumsum(each, axis=1)
        objects = np.maximum(weights @ self.objects, 1e-9)[:, None]
        found = np.zeros((len(OVERLAPS), len(weights)))
        for overlap, (is_right, left_out) in enumerate(zip(self.right, self.left_out, strict=True)):
            places = np.flatnonzero(is_right)
            if not len(places):
                continue
            seen = np.cumsum(each * ~left_out, axis=1) if left_out.any() else every
            right = np.cumsum(each[:, places], axis=1)
            precise = right / (seen[:, places] + np.spacing(1))
            best = np.maximum.accumulate(precise[:, ::-1], axis=1)[:, ::-1]
            reached = np.searchsorted(LEVELS, right / objects, side="right")
            levels = np.diff(np.where(right > 0, reached, 0), axis=1, prepend=0)
            found[overlap] = (best * levels).sum(axis=1) / len(LEVELS)
        return found


def by_overlap(matches: Matches, weights: Floats) -> Floats:
    """[overlaps, resamples] the average precision of a label at each IoU.

    Resamples are taken a few at a time: the memory is that of some NUMBERS_AT_ONCE numbers.
    """
    at_once = max(1, NUMBERS_AT_ONCE // max(1, len(matches.row)))
    parts = [weights[begin : begin + at_once] for begin in range(0, len(weights), at_once)]
    return np.concatenate([matches.precision(each) for each in parts], axis=1)


def matches_of(gold: Iterable[str], predicted: Iterable[str]) -> dict[str, Matches]:
    """The matches of each label that is true somewhere."""
    [found] = matches_within([(0, 1e10)], list(gold), list(predicted))
    return found


def matches_within(
    areas: Sequence[tuple[float, float]],
    gold: Sequence[str],
    predicted: Sequence[str],
    zooms: Sequence[float] | None = None,
) -> list[dict[str, Matches]]:
    """For each range of areas, the matches of each label that is true somewhere.

    Objects of other areas are neither right nor wrong, and nor are answers of another area that
    match no object (`COCOeval.evaluateImg`).

    Args:
        areas: from and to, in pixels.
        gold: the boxes of each picture as text.
        predicted: the answers to each picture as text.
        zooms: by what the areas in each picture are multiplied; None: they stay.
    """
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    sides = [[from_text(text) for text in texts] for texts in (gold, predicted)]
    names = sorted({box.label for boxes in sides[0] for box in boxes if not box.crowd})
    if not names:
        return [{} for _ in areas]
    number = {name: i for i, name in enumerate(names, 1)}
    with contextlib.redirect_stdout(io.StringIO()):
        read = []
        for side in sides:
            data = COCO()
            data.dataset = {
                "images": [{"id": row} for row in range(len(gold))],
                "categories": [{"id": i, "name": name} for name, i in number.items()],
                "annotations": _annotations(side, number, zooms or [1.0] * len(gold)),
            }
            data.createIndex()
            read.append(data)
        run = COCOeval(*read, "bbox")
        run.params.areaRng = [list(each) for each in areas]
        run.params.areaRngLbl = [str(each) for each in areas]
        run.params.maxDets = [MOST]
        run.evaluate()
    found = np.array(run.evalImgs, dtype=object).reshape(len(names), len(areas), len(gold))
    return [
        {name: _matches(found[label, place]) for label, name in enumerate(names)}
        for place in range(len(areas))
    ]


def _annotations(
    pictures: Sequence[Sequence[Box]], number: Mapping[str, int], zooms: Sequence[float]
) -> list[dict[str, Any]]:
    """The boxes of labels with a number, as COCO has them."""
    rows: list[dict[str, Any]] = []
    for row, (boxes, zoom) in enumerate(zip(pictures, zooms, strict=True)):
        for box in boxes:
            if box.label not in number:
                continue
            left, top, right, bottom = box.corners
            rows.append(
                {
                    "id": len(rows) + 1,
                    "image_id": row,
                    "category_id": number[box.label],
                    "bbox": [left, top, right - left, bottom - top],
                    "area": box.area * zoom,
                    "score": box.score,
                    "iscrowd": int(box.crowd),
                }
            )
    return rows


def _matches(pictures: NDArray[Any]) -> Matches:
    """The matches of a label, from what COCOeval found in each picture; None where nothing is.

    Answers that count at no overlap are left out.
    """
    objects = np.zeros(len(pictures))
    none = np.empty((len(OVERLAPS), 0), bool)
    rows, scores, right, left_out = [np.empty(0, np.int64)], [np.empty(0)], [none], [none]
    for row, each in enumerate(pictures):
        if each is None:
            continue
        objects[row] = (~np.asarray(each["gtIgnore"], dtype=bool)).sum()
        out = np.asarray(each["dtIgnore"], dtype=bool).reshape(len(OVERLAPS), -1)
        matched = np.asarray(each["dtMatches"]).reshape(len(OVERLAPS), -1) > 0
        counts = ~out.all(axis=0)
        rows.append(np.full(int(counts.sum()), row, dtype=np.int64))
        scores.append(np.asarray(each["dtScores"], dtype=np.float64)[counts])
        left_out.append(out[:, counts])
        right.append((matched & ~out)[:, counts])
    order = np.argsort(-np.concatenate(scores), kind="mergesort")
    sorted_right, sorted_out = (np.concatenate(e, axis=1)[:, order] for e in (right, left_out))
    return Matches(np.concatenate(rows)[order], sorted_right, sorted_out, objects)
