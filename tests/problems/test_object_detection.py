"""Average precision is COCO's, also on resamples; objects are found where they are."""

from __future__ import annotations

import contextlib
import io
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from tasks.data.images.augmentation import Augmenter, to_tensor
from tasks.data.images.boxes import Box, as_text, from_text
from tasks.experiment.images.training import Augmentation
from tasks.problems.dense_head import STRIDE
from tasks.problems.object_detection.loss import loss_of, targets
from tasks.problems.object_detection.model import BoxedExample, collate, encode, move
from tasks.problems.object_detection.pictures import counted
from tasks.problems.object_detection.scores import majority, overlap, quality_of_each, score
from tasks.problems.object_detection.served import peaks
from tasks.problems.weighted import on_all_rows

NAMES = ["cat", "dog", "owl"]


def pictures(seed: int, count: int = 14, crowds: float = 0) -> tuple[list[str], list[str]]:
    """Truths, and answers near them, some missed, some made up; the last picture is empty.

    A share of the truths are crowds.
    """
    draw = np.random.default_rng(seed)

    def box(label: str, score: float = 1.0) -> Box:
        left, top = draw.uniform(0, 40, 2)
        wide, high = draw.uniform(8, 24, 2)
        return Box(label, (left, top, left + wide, top + high), score)

    gold, predicted = [], []
    for number in range(count):
        true = [box(str(draw.choice(NAMES))) for _ in range(draw.integers(0, 4))]
        true = [] if number == count - 1 else true
        found = [
            Box(
                each.label if draw.random() < 0.8 else "dog",
                tuple(c + draw.normal(0, 1.5) for c in each.corners),
                float(draw.random()),
            )
            for each in true
            if draw.random() < 0.8
        ]
        found += [box(str(draw.choice(NAMES)), float(draw.random())) for _ in range(2)]
        gold.append(as_text([replace(each, crowd=draw.random() < crowds) for each in true]))
        predicted.append(as_text(found, scored=True))
    return gold, predicted


def of_coco(gold: list[str], predicted: list[str]) -> tuple[float, float]:
    """AP and AP50 as pycocotools itself accumulates and summarizes them."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    def rows(texts: list[str]) -> list[dict]:
        return [
            {
                "id": 1000 * row + place + 1,
                "image_id": row,
                "category_id": NAMES.index(each.label),
                "bbox": [*each.corners[:2], *np.subtract(each.corners[2:], each.corners[:2])],
                "area": each.area,
                "score": each.score,
                "iscrowd": int(each.crowd),
            }
            for row, text in enumerate(texts)
            for place, each in enumerate(from_text(text))
        ]

    with contextlib.redirect_stdout(io.StringIO()):
        known = COCO()
        known.dataset = {
            "images": [{"id": row} for row in range(len(gold))],
            "categories": [{"id": i} for i in range(len(NAMES))],
            "annotations": rows(gold),
        }
        known.createIndex()
        run = COCOeval(known, known.loadRes(rows(predicted)), "bbox")
        run.evaluate()
        run.accumulate()
        run.summarize()
    return float(run.stats[0]), float(run.stats[1])


@pytest.mark.parametrize(("seed", "crowds"), [(0, 0.0), (1, 0.0), (2, 0.4), (3, 0.4)])
def test_it_is_the_average_precision_of_coco(seed: int, crowds: float) -> None:
    gold, predicted = pictures(seed, crowds=crowds)
    found = on_all_rows(score(gold, predicted, NAMES))
    expected = of_coco(gold, predicted)
    assert (found["average_precision"], found["average_precision_50"]) == pytest.approx(expected)


def test_a_resample_is_measured_as_coco_would_measure_its_pictures() -> None:
    gold, predicted = pictures(7, crowds=0.3)
    weights = np.random.default_rng(1).multinomial(14, np.full(14, 1 / 14), 6).astype(float)
    drawn = score(gold, predicted, NAMES).measure(weights)
    for row, weight in enumerate(weights):
        chosen = np.repeat(np.arange(14), weight.astype(int))
        expected = of_coco([gold[i] for i in chosen], [predicted[i] for i in chosen])
        values = (drawn["average_precision"][row], drawn["average_precision_50"][row])
        assert values == pytest.approx(expected, abs=1e-9)


def test_a_crowd_is_neither_learnt_nor_measured() -> None:
    crowd = Box("dog", (10.0, 10.0, 50.0, 50.0), crowd=True)
    cat = Box("cat", (2.0, 2.0, 9.0, 9.0))
    gold = as_text([cat, crowd])
    assert from_text(gold) == [cat, crowd]
    assert [*counted(gold)] == ["cat"]
    rows = pd.DataFrame({"pixels": [np.zeros((64, 64, 1), np.uint8)], "label": [gold]})
    [learnt] = encode(rows, None, ["cat"])
    assert learnt.corners.tolist() == [[2.0, 2.0, 9.0, 9.0]]
    assert [box.label for box in from_text(majority(rows, rows)[0])] == ["cat"]
    found = [replace(cat, score=0.9), Box("dog", (12, 12, 30, 30), 0.9)]
    assert list(quality_of_each([gold], [as_text(found, scored=True)])) == [1.0]
    found[1] = Box("cat", (12, 12, 30, 30), 0.9)
    assert list(quality_of_each([gold], [as_text(found, scored=True)])) == pytest.approx([2 / 3])


def test_without_answers_or_objects_it_is_zero() -> None:
    nothing = as_text([])
    gold, _ = pictures(1)
    for true in (gold, [nothing] * 3):
        assert on_all_rows(score(true, [nothing] * len(true), NAMES))["average_precision"] == 0
    assert list(quality_of_each([nothing], [nothing])) == [1.0]


def example(boxes: list[tuple[int, tuple[float, float, float, float]]], side: int = 64):
    labels = np.array([label for label, _ in boxes], np.int64)
    corners = np.array([corners for _, corners in boxes], np.float64).reshape(-1, 4)
    return BoxedExample(np.zeros((side, side, 1), np.uint8), labels, corners, 16)


def test_cells_that_are_as_they_should_be_have_no_loss_and_give_the_boxes_back() -> None:
    given = [(2, (4.0, 8.0, 25.0, 31.0)), (0, (30.0, 33.0, 60.0, 63.0))]
    labels = collate([example(given)], 0)["labels"]
    heat, (picture, box, row, column) = targets(labels, 3, 16, 16)
    cells = torch.zeros(1, 7, 16, 16)
    cells[:, :3] = torch.where(heat == 1, 30.0, -30.0)
    corners = labels[picture, box, 1:] / STRIDE
    middle = (corners[:, :2] + corners[:, 2:]) / 2
    cells[0, 3:5, row, column] = (middle - torch.stack([column, row], 1) - 0.5).T
    cells[0, 5:7, row, column] = (corners[:, 2:] - corners[:, :2]).log().T
    assert float(loss_of(cells, labels)) == pytest.approx(0, abs=1e-4)
    found = peaks(cells)[0]
    sure = found[found[:, 0] > 0.5]
    assert sorted(int(each) for each in sure[:, 1]) == [0, 2]
    for label, expected in given:
        [there] = sure[sure[:, 1] == label]
        assert there[2:].tolist() == pytest.approx(list(expected), abs=1e-3)


@pytest.mark.parametrize("seed", range(12))
def test_a_box_stays_around_its_object_for_any_chain(seed: int) -> None:
    """A bright rectangle is planted; after crop, flip, turn and shear its box is around it."""
    draw = np.random.default_rng(seed)
    settings = Augmentation(
        crop=draw.uniform(0.5, 1),
        shift=draw.uniform(0, 0.2),
        flip=bool(draw.integers(2)),
        rotation=draw.uniform(0, 180),
        shear=draw.uniform(0, 0.3),
        colour=0,
    )
    left, top = (int(each) for each in draw.integers(8, 30, 2))
    wide, high = (int(each) for each in draw.integers(10, 24, 2))
    pixels = np.zeros((64, 64, 1), np.uint8)
    pixels[top : top + high, left : left + wide] = 255
    augment, indices, epochs = Augmenter(settings, seed), np.array([3]), np.array([seed])
    one = BoxedExample(
        pixels, np.array([1]), np.array([[left, top, left + wide, top + high]], float), 16
    )
    batch = move(collate([one], 0), augment.maps(indices, epochs))
    bright = augment(to_tensor([pixels]), indices, epochs)[0, 0].numpy() > 0
    [row] = batch["labels"][0].tolist()
    if row[0] < 0:
        assert bright.sum() < 0.8 * wide * high * 4, "what is mostly out of the picture"
        return
    rows, columns = np.nonzero(bright)
    seen = Box("", (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1))
    assert overlap(Box("", tuple(row[1:])), seen) > 0.75
    assert bright.any()


def test_a_batch_without_objects_has_a_loss() -> None:
    labels = collate([example([]), example([])], 0)["labels"]
    found = loss_of(torch.zeros(2, 7, 16, 16), labels)
    assert torch.isfinite(found).all()
    assert (found > 0).all()
