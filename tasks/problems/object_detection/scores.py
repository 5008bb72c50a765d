"""Average precision as a function of the pictures' weights, and what is told of the answers."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.data.images.boxes import Box, as_text, from_text, objects_in
from tasks.problems import Described
from tasks.problems.object_detection.matching import (
    LEVELS,
    OVERLAPS,
    Matches,
    by_overlap,
    matches_of,
)
from tasks.problems.rare_parts import where_there
from tasks.problems.weighted import ByRow, Floats, Values

SURE = 0.3  # the score from which an answer is shown, and counted for a picture alone
NO_OBJECT = "(no object)"


def digests_of(predicted: Iterable[str]) -> Floats:
    """A number for each answer, to tell which pictures are answered differently."""
    return np.array([zlib.crc32(text.encode()) for text in predicted], dtype=np.float64)


def score(gold: Iterable[str], predicted: Iterable[str], labels: Sequence[str]) -> ByRow:
    """AP and AP50 as functions of the pictures' weights: means over the labels that are true."""
    given = list(predicted)
    matches = list(matches_of(gold, given).values())

    def metrics(weights: Floats) -> Values:
        if not matches:
            zero = np.zeros(len(weights))
            return {"average_precision": zero, "average_precision_50": zero}
        there = np.stack([weights @ found.objects > 0 for found in matches])
        each = np.stack([by_overlap(found, weights) for found in matches])  # [labels, overlaps, …]
        means = (each * there[:, None]).sum(axis=0) / np.maximum(there.sum(axis=0), 1)
        return {"average_precision": means.mean(axis=0), "average_precision_50": means[0]}

    return ByRow(digests_of(given), metrics)


def part_scores(gold: Iterable[str], predicted: Iterable[str], labels: Sequence[str]) -> ByRow:
    """The AP of each label; of a resample without it, that of another one (`where_there`)."""
    given = list(predicted)
    matches = matches_of(gold, given)

    def metrics(weights: Floats) -> Values:
        zero = np.zeros(len(weights))
        return {
            name: of_label(matches[name], weights) if name in matches else zero for name in labels
        }

    def of_label(found: Matches, weights: Floats) -> Floats:
        whole = np.ones((1, len(found.objects)))
        values, exact = (by_overlap(found, each).mean(axis=0) for each in (weights, whole))
        return where_there(values, weights @ found.objects > 0, exact)

    return ByRow(digests_of(given), metrics)


def curves(
    gold: Iterable[str], predicted: Iterable[str], labels: Sequence[str]
) -> dict[str, list[tuple[float, float]]]:
    """Precision over recall of each label that is true somewhere, at an IoU of 0.5."""
    matches = matches_of(gold, predicted)
    return {
        name: list(zip(LEVELS.round(2).tolist(), matches[name].curve(), strict=True))
        for name in labels
        if name in matches
    }


def majority(train: pd.DataFrame, test: pd.DataFrame) -> list[str]:
    """The box that is most frequent, as one answer to each picture: the mean box of its label."""
    every = [box for text in train["label"] for box in objects_in(text)]
    if not every:
        return [as_text([], scored=True)] * len(test)
    label = pd.Series([box.label for box in every]).mode().iloc[0]
    mean = np.mean([box.corners for box in every if box.label == label], axis=0)
    left, top, right, bottom = mean.tolist()
    return [as_text([Box(label, (left, top, right, bottom))], scored=True)] * len(test)


def constant(majority: Sequence[Any]) -> str:
    """The label of the one box."""
    found = from_text(majority[0])
    return f"one {found[0].label} in the middle of them" if found else "no object"


def paired(true: Sequence[Box], found: Sequence[Box]) -> Iterator[tuple[Box | None, Box | None]]:
    """Objects with the answers that overlap them by half, whatever the labels; the rest alone.

    Answers of which half is in a crowd of their label are left out, if they overlap no object.
    """
    left = [box for box in true if not box.crowd]
    crowds = [box for box in true if box.crowd]
    for answer in sorted(found, key=lambda box: -box.score):
        overlaps = [overlap(answer, each) for each in left]
        best = int(np.argmax(overlaps)) if overlaps else -1
        if best >= 0 and overlaps[best] >= OVERLAPS[0]:
            yield left.pop(best), answer
        elif not any(_is_in(answer, each) for each in crowds):
            yield None, answer
    for each in left:
        yield each, None


def _is_in(answer: Box, crowd: Box) -> bool:
    """Whether half of an answer is in a crowd of its label, as COCO measures it."""
    inside = _both(answer, crowd) >= OVERLAPS[0] * max(answer.area, 1e-12)
    return answer.label == crowd.label and inside


def overlap(one: Box, other: Box) -> float:
    """The intersection of two boxes over their union."""
    both = _both(one, other)
    return both / max(one.area + other.area - both, 1e-12)


def _both(one: Box, other: Box) -> float:
    """The area of the intersection of two boxes."""
    low = np.maximum(one.corners[:2], other.corners[:2])
    high = np.minimum(one.corners[2:], other.corners[2:])
    return float(np.prod(np.clip(high - low, 0, None)))


def shown(text: str) -> list[Box]:
    """The answers that are sure enough to be shown."""
    return [box for box in from_text(text) if box.score >= SURE]


def quality_of_each(gold: Iterable[str], predicted: Iterable[str]) -> Floats:
    """F1 of the sure answers to each picture, at an IoU of 0.5; 1 where there is nothing."""
    found = []
    for true, answered in zip(gold, predicted, strict=True):
        pairs = list(paired(from_text(true), shown(answered)))
        right = sum(bool(a and b and a.label == b.label) for a, b in pairs)
        whole = sum((a is not None) + (b is not None) for a, b in pairs)
        found.append(2 * right / whole if whole else 1.0)
    return np.array(found)


def report(gold: Iterable[str], predicted: Iterable[str], labels: Sequence[str]) -> pd.DataFrame:
    """AP and AP50 of each label, and how many objects of it there are in the test.

    Of a label without an object they are NaN: nothing is known of it.
    """
    matches = matches_of(gold, predicted)
    rows = []
    for name in labels:
        if name not in matches:
            rows.append((name, np.nan, np.nan, 0))
            continue
        found = matches[name]
        every = np.ones((1, len(found.objects)))
        values = by_overlap(found, every)[:, 0]
        rows.append((name, float(values.mean()), float(values[0]), int(found.objects.sum())))
    return pd.DataFrame(rows, columns=["class", "mean_precision", "precision_50", "support"])


def confusion(
    gold: Iterable[str], predicted: Iterable[str], labels: Sequence[str]
) -> tuple[list[str], NDArray[np.int64]]:
    """The labels and NO_OBJECT, and which answers overlap which objects by half."""
    names = [*labels, NO_OBJECT]
    number = {name: i for i, name in enumerate(names)}
    counts = np.zeros((len(names), len(names)), dtype=np.int64)
    for true, answered in zip(gold, predicted, strict=True):
        for one, other in paired(from_text(true), shown(answered)):
            row, column = (number[each.label if each else NO_OBJECT] for each in (one, other))
            counts[row, column] += 1
    return names, counts


def errors(answers: pd.DataFrame) -> Floats:
    """1 - the F1 of the picture."""
    return 1 - quality_of_each(answers["gold"], answers["predicted"])


def describe(answer: Any) -> Described:
    """The name of the picture, the labels of its objects and answers, and the F1."""
    [quality] = quality_of_each([answer["gold"]], [answer["predicted"]])
    true, found = (
        ", ".join(sorted(box.label for box in each)) or "nothing"
        for each in (objects_in(answer["gold"]), shown(answer["predicted"]))
    )
    return Described(str(answer["image"]), true, found, bool(quality == 1), f"F1 {quality:.1%}")
