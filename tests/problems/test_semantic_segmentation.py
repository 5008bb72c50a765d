"""The metrics of segmentation against other programs, and on resamples of the pictures."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import confusion_matrix, jaccard_score

from tasks.data.images.masks import IGNORED, as_text
from tasks.problems.semantic_segmentation.scores import (
    areas_of,
    borders_of,
    confusion,
    iou_of_each,
    majority,
    report,
    score,
)
from tasks.problems.weighted import on_all_rows

NAMES = ["ground", "road", "tree", "sky"]


def masks(seed: int, pictures: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """Truths with ignored pixels, and answers that are right on most: [pictures, 10, 14]."""
    draw = np.random.default_rng(seed)
    true = draw.integers(0, 4, (pictures, 10, 14)).astype(np.uint8)
    wrong = draw.random(true.shape) < 0.3
    answer = np.where(wrong, draw.integers(0, 4, true.shape), true).astype(np.uint8)
    true[draw.random(true.shape) < 0.1] = IGNORED
    return true, answer


def texts(found: np.ndarray) -> list[str]:
    return [as_text(mask, NAMES) for mask in found]


def test_it_is_the_jaccard_score_of_sklearn_without_ignored_pixels() -> None:
    true, answer = masks(1)
    found = on_all_rows(score(texts(true), texts(answer), NAMES))
    known = true != IGNORED
    assert found["mean_iou"] == pytest.approx(
        jaccard_score(true[known], answer[known], average="macro")
    )
    assert found["pixel_accuracy"] == pytest.approx((true == answer)[known].mean())
    names, counts = confusion(texts(true), texts(answer), NAMES)
    assert names == NAMES
    assert np.array_equal(counts, confusion_matrix(true[known], answer[known]))
    table = report(texts(true), texts(answer), NAMES)
    assert list(table["iou"]) == pytest.approx(
        list(jaccard_score(true[known], answer[known], average=None))
    )


def test_a_resample_is_measured_as_its_pictures_would_be() -> None:
    true, answer = masks(2)
    weights = np.random.default_rng(3).multinomial(12, np.full(12, 1 / 12), 5).astype(float)
    drawn = score(texts(true), texts(answer), NAMES).measure(weights)
    for row, weight in enumerate(weights):
        chosen = np.repeat(np.arange(12), weight.astype(int))
        alone = on_all_rows(score(texts(true[chosen]), texts(answer[chosen]), NAMES))
        assert {name: values[row] for name, values in drawn.items()} == pytest.approx(alone)


def test_labels_in_another_order_and_a_class_of_one_model_change_nothing() -> None:
    true, answer = masks(4)
    found = score(texts(true), texts(answer), NAMES)
    assert on_all_rows(found) == on_all_rows(score(texts(true), texts(answer), ["x", "sky"]))
    [alone] = iou_of_each(texts(true[:1]), texts(answer[:1]))
    of_first = on_all_rows(score(texts(true[:1]), texts(answer[:1]), NAMES))
    assert alone == pytest.approx(of_first["mean_iou"])


def test_a_boundary_may_be_a_pixel_off_and_no_more() -> None:
    true = np.zeros((30, 30), np.int64)
    true[10:20, 10:20] = 1
    for off, share in ((0, 1.0), (1, 1.0), (3, 0.4)):
        near, answered, reached, whole = borders_of(true, np.roll(true, off, axis=1), 2).reshape(
            4, 2
        )
        assert (whole, answered)[0][1] == 36, "of a square of 10 pixels"
        assert near[1] / answered[1] == pytest.approx(share, abs=0.25 if off == 3 else 0)
        assert reached[1] / whole[1] == pytest.approx(share, abs=0.25 if off == 3 else 0)


def test_what_does_not_count_has_no_boundary() -> None:
    true = np.full((8, 8), -1)
    true[:, :4] = 1
    assert not borders_of(true, true, 2).any()
    assert list(areas_of(true, true, 2)) == [0, 32, 0, 32, 0, 32]


def test_the_most_frequent_mask_is_that_of_each_place() -> None:
    top, bottom = (np.zeros((4, 4), np.uint8) for _ in range(2))
    top[:2], bottom[2:] = 3, 1
    train = pd.DataFrame({"label": texts(np.stack([top, top, bottom, bottom + 0]))})
    train.loc[4] = texts(top[None])
    [found] = majority(train, pd.DataFrame({"label": [""]}))
    assert iou_of_each([found], texts(top[None])) == [1.0]
