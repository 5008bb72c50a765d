"""The metrics of segmentation against other programs, and on resamples of the pictures."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from scipy.ndimage import binary_dilation, distance_transform_edt
from sklearn.metrics import confusion_matrix, jaccard_score

from tasks.data.images.masks import IGNORED, as_text
from tasks.experiment.images.model import ImageModel
from tasks.families import images as families
from tasks.models.images.losses import PictureLoss
from tasks.pages.drawn_answers import draw_mask
from tasks.pages.picture_sheets import coloured
from tasks.problems import load
from tasks.problems.dense_answers import worst_and_others
from tasks.problems.semantic_segmentation.model import MaskedExample, collate
from tasks.problems.semantic_segmentation.scores import (
    NEAR,
    areas_of,
    borders_of,
    confusion,
    iou_of_each,
    majority,
    part_scores,
    report,
    score,
)
from tasks.problems.semantic_segmentation.served import DenseForSemanticSegmentation, png
from tasks.problems.weighted import on_all_rows
from tasks.statistics.bootstrap import Bootstrap, draw_weights

NAMES = ["ground", "road", "tree", "sky"]


def masks(seed: int, pictures: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """Truths with ignored pixels, and answers that are right on most: [pictures, 10, 14]."""
    draw = np.random.default_rng(seed)
    true = draw.integers(0, 4, (pictures, 10, 14)).astype(np.uint8)
    wrong = draw.random(true.shape) < 0.3
    answer = np.where(wrong, draw.integers(0, 4, true.shape), true).astype(np.uint8)
    true[draw.random(true.shape) < 0.1] = IGNORED
    return true, answer


def tiny_body() -> Any:
    """The configuration of a body for two classes."""
    config = families.load("resnet").configure(ImageModel(family="resnet"), 8, 0.0)
    config.num_labels = 2
    return config


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


@pytest.mark.parametrize("side", [40, 300])
def test_edges_are_near_by_the_distance_that_scipy_measures(side: int) -> None:
    """Blocks of three classes, some of which do not count; the answer is moved by two pixels."""
    draw = np.random.default_rng(side)
    true = np.kron(draw.integers(-1, 3, (10, 10)), np.ones((side // 10, side // 10), np.int64))
    answer = np.where(true < 0, -1, np.roll(np.abs(true), 3, axis=0))
    most = max(1.0, NEAR * float(np.hypot(side, side)))
    found = borders_of(true, answer, 3).reshape(4, 3)
    for place in range(3):
        ours, theirs = edge_of(answer, place), edge_of(true, place)
        assert list(found[:, place]) == [
            (distance_transform_edt(~theirs)[ours] <= most).sum(),
            ours.sum(),
            (distance_transform_edt(~ours)[theirs] <= most).sum(),
            theirs.sum(),
        ]
    assert (found[0] < found[1]).all(), "some are too far"


def edge_of(mask: np.ndarray, place: int) -> np.ndarray:
    """The pixels of a class beside another one that counts."""
    other = (mask != place) & (mask >= 0)
    return (mask == place) & binary_dilation(other)


def test_a_batch_or_picture_without_a_pixel_that_counts_has_no_loss_and_is_no_mistake() -> None:
    problem, nothing = load("semantic-segmentation"), np.full((1, 8, 8, 1), IGNORED, np.uint8)
    model = DenseForSemanticSegmentation(tiny_body())
    pixels = np.zeros((8, 8, 1), np.uint8)
    known = MaskedExample(pixels, np.zeros((8, 8, 1), np.uint8), 1)
    empty = MaskedExample(pixels, nothing[0], 1)
    for found in (problem.loss, PictureLoss("", 0.1), PictureLoss("", 0.0, torch.ones(2))):
        batch = {k: v for k, v in collate([empty, empty], 0).items() if k != "truth"}
        value = found(model, batch)
        value.backward()
        assert float(value.detach()) == 0
        one = {k: v for k, v in collate([known, empty], 0).items() if k != "truth"}
        assert float(found(model, one).detach()) > 0
    losses = problem.logits(model, collate([known, empty], 0))[:, -1]
    assert losses[0] > 0 == losses[1]
    [text] = texts(nothing[..., 0])
    assert list(iou_of_each([text], [as_text(np.zeros((8, 8), np.uint8), NAMES)])) == [1.0]


def test_of_a_class_without_a_pixel_nothing_is_known_and_a_rare_one_is_measured_where_it_is() -> (
    None
):
    true = np.zeros((30, 6, 6), np.uint8)
    true[:2, :3] = 1
    given = texts(true)
    table = report(given, given, NAMES).set_index("class")
    assert table.loc["tree", ["iou", "precision", "recall"]].isna().all()
    assert table.loc["road", "iou"] == 1
    [drawn] = Bootstrap(300, 0.95, 0).resample(
        [part_scores(given, given, NAMES)], [str(n) for n in range(30)]
    )
    assert (draw_weights(np.random.default_rng(0), 30, 300)[:, :2].sum(axis=1) == 0).any()
    assert drawn["road"].min() == 1


def test_a_mask_has_the_same_colours_wherever_it_is_written() -> None:
    mask = as_text(np.array([[0, 1], [2, IGNORED]], np.uint8), NAMES)
    drawn = draw_mask(Image.new("RGB", (2, 2)), mask, NAMES)[".mask.png"]
    served = Image.open(io.BytesIO(base64.b64decode(png(Image.new("L", (2, 2))))))
    assert drawn.getpalette()[:765] == served.getpalette()[:765]
    assert coloured(np.array([[1, -1]])).tolist() == [[[128, 0, 0], [255, 255, 255]]]


def test_a_page_shows_the_worst_answers_and_others_from_the_best_on() -> None:
    quality = np.arange(100)[::-1] / 100
    found = worst_and_others(quality, 8)
    assert found[:4] == [99, 98, 97, 96]
    assert found[4] == 0
    assert len({*found}) == len(found) == 8
    assert worst_and_others(quality[:3], 8) == [2, 1, 0]
