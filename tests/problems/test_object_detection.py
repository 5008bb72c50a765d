"""Average precision is COCO's, also on resamples; objects are found where they are."""

from __future__ import annotations

import contextlib
import io
import tracemalloc
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from tasks.data.images.augmentation import Augmenter, to_tensor
from tasks.data.images.boxes import VISIBLE, Box, as_text, from_text
from tasks.experiment.images.training import Augmentation
from tasks.models.learning.tuning import labels_in
from tasks.pages.evaluation_card import class_table
from tasks.problems import load
from tasks.problems.dense_head import STRIDE
from tasks.problems.object_detection import matching
from tasks.problems.object_detection.loss import loss_of, targets
from tasks.problems.object_detection.model import BoxedExample, collate, encode, move
from tasks.problems.object_detection.pictures import counted
from tasks.problems.object_detection.scores import (
    curves,
    majority,
    part_scores,
    quality_of_each,
    report,
    score,
)
from tasks.problems.object_detection.served import DenseForObjectDetection, peaks
from tasks.problems.picture_rows import counts_of
from tasks.problems.weighted import on_all_rows
from tasks.statistics.bootstrap import Bootstrap, draw_weights
from tasks.training.microbatches import Splitting, split_rows, weighed

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


@pytest.mark.parametrize("crowds", [0.0, 0.3])
def test_the_area_below_the_curves_is_the_average_precision(crowds: float) -> None:
    gold, predicted = pictures(3, crowds=crowds)
    areas = [np.mean([y for _, y in each]) for each in curves(gold, predicted, NAMES).values()]
    assert np.mean(areas) == pytest.approx(of_coco(gold, predicted)[1])


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
    found = peaks(cells, (64, 64))[0]
    sure = found[found[:, 0] > 0.5]
    assert sorted(int(each) for each in sure[:, 1]) == [0, 2]
    for label, expected in given:
        [there] = sure[sure[:, 1] == label]
        assert there[2:].tolist() == pytest.approx(list(expected), abs=1e-3)


SEEN = np.stack(np.meshgrid(*[np.linspace(-6, 6, 1201)] * 2), axis=-1).reshape(-1, 2)


def around(corners: list[float], found: np.ndarray, side: int) -> Box:
    """The upright box around a rectangle after a map, beyond the edges too, in pixels.

    The map says where a place of the result was, so places far around are looked up one by one:
    the boxes of Temper go the other way, by the inverse of the map.
    """
    was = (SEEN @ found[:, :2].T + found[:, 2] + 1) * side / 2
    left, top, right, bottom = corners
    inside = ((was >= (left, top)) & (was <= (right, bottom))).all(axis=1)
    there = (SEEN[inside] + 1) * side / 2
    return Box("", (*there.min(axis=0), *there.max(axis=0)))


@pytest.mark.parametrize("seed", range(16))
def test_a_box_moves_with_its_object_and_stays_while_enough_of_it_is_seen(seed: int) -> None:
    """A bright rectangle is planted; every other seed neither turns nor shears it."""
    draw, upright = np.random.default_rng(seed), seed % 2 == 0
    settings = Augmentation(
        crop=draw.uniform(0.4, 0.8),
        shift=draw.uniform(0, 0.4),
        flip=bool(draw.integers(2)),
        rotation=0 if upright else draw.uniform(20, 180),
        shear=0 if upright else draw.uniform(0.1, 0.3),
        colour=0,
    )
    left, top = (int(each) for each in draw.integers(0, 40, 2))
    wide, high = (int(each) for each in draw.integers(10, 24, 2))
    pixels = np.zeros((64, 64, 1), np.uint8)
    pixels[top : top + high, left : left + wide] = 255
    augment, indices, epochs = Augmenter(settings, seed), np.array([3]), np.array([seed])
    maps, corners = augment.maps(indices, epochs), [left, top, left + wide, top + high]
    one = BoxedExample(pixels, np.array([1]), np.array([corners], float), 16)
    [row] = move(collate([one], 0), maps)["labels"][0].tolist()
    whole = around(corners, maps[0], 64)
    inside = whole.within(64, 64)
    share = inside.area / whole.area
    if abs(share - VISIBLE) > 0.03:
        assert (row[0] >= 0) == (share > VISIBLE), share
    if row[0] < 0:
        return
    assert row[1:] == pytest.approx(inside.corners, abs=0.6)
    if upright or share > 0.99:
        bright = augment(to_tensor([pixels]), indices, epochs)[0, 0].numpy() > 0
        rows, columns = np.nonzero(bright)
        seen = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        assert row[1:] == pytest.approx(seen, abs=1.5 if upright else 2.5)


def test_an_answer_ends_where_the_picture_ends() -> None:
    cells = torch.zeros(1, 5, 8, 8)  # of 29 by 30 pixels; the last cells reach to the 32nd
    cells[0, 0] = -30
    cells[0, 0, 7, 7] = 30
    cells[0, 3:] = 2.0
    score_of, _, _, _, right, bottom = peaks(cells, (30, 29))[0, 0].tolist()  # high, wide
    assert score_of > 0.99
    assert (right, bottom) == (29, 30)


def test_parts_of_a_batch_add_up_also_where_a_part_has_no_object() -> None:
    torch.manual_seed(0)

    class Cells(torch.nn.Conv2d):
        batch_loss = DenseForObjectDetection.batch_loss

        def forward(self, pixel_values: torch.Tensor) -> SimpleNamespace:
            return SimpleNamespace(logits=super().forward(pixel_values))

    model = Cells(3, 7, STRIDE, STRIDE)
    batch = collate([example([(1, (4.0, 8.0, 25.0, 31.0))]), *(example([]) for _ in range(3))], 0)
    batch["pixel_values"] = torch.rand(4, 3, 64, 64)
    problem = load("object-detection")
    splitting = Splitting(
        rows=2, automatic=False, split=split_rows, counts=counts_of(problem, labels_in)
    )
    parts = splitting.parts(batch, 4)
    assert len(parts) == 2
    losses = [weighed({"loss": problem.loss(model, part)}, by)["loss"] for part, by in parts]
    whole = problem.loss(model, batch)
    assert float(sum(losses).detach()) == pytest.approx(float(whole.detach()), rel=1e-5)
    assert all(float(each.detach()) > 0 for each in losses)


def rare(count: int) -> tuple[list[str], list[str]]:
    """Pictures of cats, three of them with a dog too: all found, the dogs the surest."""
    gold, predicted = [], []
    for number in range(count):
        objects = [Box("cat", (1, 1, 9, 9))] + [Box("dog", (20, 20, 40, 40))] * (number < 3)
        gold.append(as_text(objects))
        predicted.append(as_text(objects, scored=True))
    return gold, predicted


def test_the_interval_of_a_rare_class_is_that_of_the_resamples_with_it() -> None:
    gold, predicted = rare(40)
    [drawn] = Bootstrap(400, 0.95, 0).resample(
        [part_scores(gold, predicted, NAMES)], [str(n) for n in range(40)]
    )
    weights = draw_weights(np.random.default_rng(0), 40, 400)
    assert (weights[:, :3].sum(axis=1) == 0).any(), "some resamples are without a dog"
    assert drawn["dog"].min() == pytest.approx(1)


def test_of_a_class_without_an_object_nothing_is_known() -> None:
    table = report(*rare(5), NAMES).set_index("class")
    assert table.loc["owl", ["mean_precision", "precision_50"]].isna().all()
    assert table.loc["dog", "mean_precision"] == pytest.approx(1)
    assert table["support"].tolist() == [5, 3, 0]
    assert "| owl | – | – | 0 |" in class_table(table.reset_index())


def test_resamples_a_few_at_a_time_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    gold, predicted = pictures(3)
    weights = draw_weights(np.random.default_rng(2), 14, 50)
    whole = score(gold, predicted, NAMES).measure(weights)
    monkeypatch.setattr(matching, "NUMBERS_AT_ONCE", 60)
    few = score(gold, predicted, NAMES).measure(weights)
    assert all(np.array_equal(whole[name], few[name]) for name in whole)


def test_the_memory_of_resamples_does_not_grow_with_the_answers() -> None:
    """Of 2,000 pictures with 10 answers each, a table of both would be 320 MB."""
    answers, pictures_of = 20_000, 2_000
    draw = np.random.default_rng(0)
    found = matching.Matches(
        draw.integers(0, pictures_of, answers),
        np.tile(draw.random(answers) < 0.05, (10, 1)),
        np.tile(draw.random(answers) < 0.05, (10, 1)),
        np.ones(pictures_of),
    )
    weights = draw_weights(draw, pictures_of, 100)
    tracemalloc.start()
    matching.by_overlap(found, weights)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 60e6


def test_a_batch_without_objects_has_a_loss() -> None:
    labels = collate([example([]), example([])], 0)["labels"]
    found = loss_of(torch.zeros(2, 7, 16, 16), labels)
    assert torch.isfinite(found).all()
    assert (found > 0).all()
