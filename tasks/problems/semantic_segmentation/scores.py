"""The metrics of semantic segmentation, from sums over the pictures.

The intersection over union of a class is that of all its pixels in all pictures, and the headline
the mean over the classes that are true or answered somewhere (Everingham et al., 2015, "The PASCAL
visual object classes challenge: a retrospective", section 4.2); pixels with the ignored number do
not count. The boundary F1 (Csurka et al., 2013, "What is a good evaluation measure for semantic
segmentation?", section 3) is about the pixels at which a class ends: the share of the answered ones
near a true one, and of the true ones near an answered one; here of all pictures together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.data.images.masks import as_text, from_text, names_in, placed, shares_of
from tasks.problems import Described
from tasks.problems.class_scores import ratio
from tasks.problems.rare_parts import where_there
from tasks.problems.weighted import Floats, Sums, Values

NEAR = 0.0075  # of the diagonal: how near boundaries have to be, but at least a pixel
Mask = NDArray[np.int64]


def majority(train: pd.DataFrame, test: pd.DataFrame) -> list[str]:
    """The most frequent label at each place of the training masks, for each test picture."""
    names = sorted({name for text in train["label"] for name in names_in(text)})
    counts = np.zeros((len(names) + 1, *from_text(train["label"].iloc[0])[0].shape), np.int64)
    rows, columns = np.indices(counts.shape[1:])
    for text in train["label"]:
        counts[placed(text, names), rows, columns] += 1  # the last place is what does not count
    return [as_text(counts[:-1].argmax(axis=0).astype(np.uint8), names)] * len(test)


def constant(majority: Sequence[Any]) -> str:
    """The label that covers most of the most frequent mask."""
    name, share = next(iter(shares_of(majority[0]).items()))
    if share == 1:
        return f"{name} everywhere"
    return f"the most frequent label at each place ({name} on {share:.0%})"


def score(gold: Iterable[str], predicted: Iterable[str], labels: Sequence[str]) -> Sums:
    """Mean IoU, boundary F1 and pixel accuracy as functions of the rows' weights.

    The labels are those in the texts of the masks, whatever their order elsewhere.
    """
    pairs = [*zip(gold, predicted, strict=True)]
    names = sorted({name for pair in pairs for text in pair for name in names_in(text)})
    masks = [_pair(*pair, names) for pair in pairs]
    areas = np.stack([areas_of(*pair, len(names)) for pair in masks])
    borders = np.stack([borders_of(*pair, len(names)) for pair in masks])
    split = areas.shape[1]

    def metrics(sums: Floats) -> Values:
        right, answered, true = np.split(sums[..., :split], 3, axis=-1)
        union = answered + true - right
        near_true, answered_edge, near_answered, true_edge = np.split(sums[..., split:], 4, axis=-1)
        precise, whole = ratio(near_true, answered_edge), ratio(near_answered, true_edge)
        edges = (answered_edge + true_edge) > 0
        f1 = ratio(2 * precise * whole, precise + whole)
        return {
            "mean_iou": ratio(ratio(right, union).sum(-1), (union > 0).sum(-1)),
            "boundary_f1": ratio(f1.sum(-1), edges.sum(-1)),
            "pixel_accuracy": ratio(right.sum(-1), true.sum(-1)),
        }

    return Sums(np.hstack([areas, borders]), metrics, deciding=lambda counts: counts[:, :split])


def _pair(gold: str, predicted: str, names: Sequence[str]) -> tuple[Mask, Mask]:
    """Truth and answer with places among names; neither counts where the truth does not."""
    true, answer = placed(gold, names), placed(predicted, names)
    return true, np.where(true < 0, -1, answer)


def areas_of(true: Mask, answer: Mask, classes: int) -> NDArray[np.int64]:
    """Pixels of each class that are right, answered and true: shape (3 × classes,)."""
    counted = true >= 0
    both = [true[(true == answer) & counted], answer[answer >= 0], true[counted]]
    return np.concatenate([np.bincount(each, minlength=classes) for each in both])


def borders_of(true: Mask, answer: Mask, classes: int) -> NDArray[np.int64]:
    """Of each class: answered edges near a true one, all, true edges near an answered one, all."""
    most = max(1.0, NEAR * float(np.hypot(*true.shape)))
    ours, theirs = edges(answer), edges(true)
    counted = [near(ours, theirs, most), ours[ours >= 0], near(theirs, ours, most)]
    counted.append(theirs[theirs >= 0])
    return np.concatenate([np.bincount(each, minlength=classes) for each in counted])


def near(ours: Mask, theirs: Mask, most: float) -> Mask:
    """The classes of our edge pixels that are at most so far from one of theirs of their class.

    Only the few pixels around each are looked at; a distance transform would measure all places.
    """
    reach = int(most)
    down, across = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    around = np.hypot(down, across) <= most
    rows, columns = np.nonzero(ours >= 0)
    padded = np.pad(theirs, reach, constant_values=-1)
    found = padded[
        rows[:, None] + (down[around] + reach), columns[:, None] + across[around] + reach
    ]
    classes = ours[rows, columns]
    return classes[(found == classes[:, None]).any(axis=1)]


def edges(mask: Mask) -> Mask:
    """The class of each pixel beside one of another class; -1 of others.

    A pixel beside one that does not count is no edge.
    """
    found = np.zeros(mask.shape, dtype=bool)
    for one, other in (
        ((slice(1, None), slice(None)), (slice(None, -1), slice(None))),
        ((slice(None), slice(1, None)), (slice(None), slice(None, -1))),
    ):
        differ = (mask[one] != mask[other]) & (mask[one] >= 0) & (mask[other] >= 0)
        found[one] |= differ
        found[other] |= differ
    return np.where(found, mask, -1)


def _areas(
    gold: Iterable[str], predicted: Iterable[str], labels: Sequence[str]
) -> NDArray[np.int64]:
    """`areas_of` each picture, of shape (pictures, 3 × labels)."""
    pairs = zip(gold, predicted, strict=True)
    return np.stack([areas_of(*_pair(*pair, labels), len(labels)) for pair in pairs])


def iou_of_each(gold: Iterable[str], predicted: Iterable[str]) -> Floats:
    """The mean IoU of each picture alone, over the classes that are in its two masks.

    It is 1 where no pixel counts: nothing there is wrong.
    """
    found = []
    for pair in zip(gold, predicted, strict=True):
        names = sorted({name for text in pair for name in names_in(text)})
        areas = areas_of(*_pair(*pair, names), len(names)).astype(np.float64)
        right, answered, true = np.split(areas, 3)
        union = answered + true - right
        classes = int((union > 0).sum())
        found.append(float(ratio(right, union).sum() / classes) if classes else 1.0)
    return np.array(found)


def part_scores(gold: Iterable[str], predicted: Iterable[str], labels: Sequence[str]) -> Sums:
    """The IoU of each label; of a resample without it, that of another one (`where_there`)."""
    areas = _areas(gold, predicted, labels)
    exact = _iou(areas.sum(axis=0, keepdims=True).astype(np.float64))

    def metrics(sums: Floats) -> Values:
        values, there = _iou(sums), np.split(sums, 3, axis=-1)[2] > 0
        return {
            name: where_there(values[:, i], there[:, i], exact[:, i])
            for i, name in enumerate(labels)
        }

    return Sums(areas, metrics)


def _iou(sums: Floats) -> Floats:
    """[…, labels] from the sums of `areas_of`."""
    right, answered, true = np.split(sums, 3, axis=-1)
    return ratio(right, answered + true - right)


def report(gold: Iterable[str], predicted: Iterable[str], labels: Sequence[str]) -> pd.DataFrame:
    """IoU, precision and recall of the pixels of each label, and how many have it in the test.

    Of a label that no pixel of the test has they are NaN: nothing is known of it.
    """
    counts = _areas(gold, predicted, labels).sum(axis=0).astype(np.float64)
    right, answered, true = np.split(counts, 3)
    known = np.where(true > 0, 1.0, np.nan)
    return pd.DataFrame(
        {
            "class": list(labels),
            "iou": ratio(right, answered + true - right) * known,
            "precision": ratio(right, answered) * known,
            "recall": ratio(right, true) * known,
            "support": np.asarray(true).astype(int),
        }
    )


def confusion(
    gold: Iterable[str], predicted: Iterable[str], labels: Sequence[str]
) -> tuple[list[str], NDArray[np.int64]]:
    """The labels, and how many pixels of each were answered as each."""
    size = len(labels)
    total = np.zeros(size * size, dtype=np.int64)
    for pair in zip(gold, predicted, strict=True):
        true, answer = _pair(*pair, labels)
        known = true >= 0
        total += np.bincount(true[known] * size + answer[known], minlength=size * size)
    return list(labels), total.reshape(size, size)


def errors(answers: pd.DataFrame) -> Floats:
    """1 - the mean IoU of the picture."""
    return 1 - iou_of_each(answers["gold"], answers["predicted"])


def describe(answer: Any) -> Described:
    """The name of the picture, the labels by their share of it, and its mean IoU."""
    [iou] = iou_of_each([answer["gold"]], [answer["predicted"]])
    truth, found = (
        ", ".join(f"{name} {share:.1%}" for name, share in shares_of(answer[column]).items())
        for column in ("gold", "predicted")
    )
    return Described(str(answer["image"]), truth, found, bool(iou == 1), f"mean IoU {iou:.1%}")
