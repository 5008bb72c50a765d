"""Average precision by size is COCO's, of sizes in the picture as it was given."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tasks.data.images.boxes import Box, as_text, from_text
from tasks.problems.object_detection.further import METRICS, SIZES, score, truths
from tasks.problems.weighted import on_all_rows
from tasks.statistics.bootstrap import draw_weights
from tests.problems.test_object_detection import NAMES, pictures

SCALE = (3.0, 5.0)  # how much wider and higher the pictures were
ZOOM = SCALE[0] * SCALE[1]


def of_coco(gold: list[str], predicted: list[str]) -> list[float]:
    """AP of small, medium and large objects as pycocotools has it, in pixels of the picture."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    def rows(texts: list[str]) -> list[dict]:
        found = []
        for row, text in enumerate(texts):
            for box in (each.moved(SCALE, (0, 0)) for each in from_text(text)):
                left, top, right, bottom = box.corners
                found.append(
                    {
                        "id": len(found) + 1,
                        "image_id": row,
                        "category_id": NAMES.index(box.label),
                        "bbox": [left, top, right - left, bottom - top],
                        "area": box.area,
                        "score": box.score,
                        "iscrowd": int(box.crowd),
                    }
                )
        return found

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
    return [float(value) for value in run.stats[3:6]]


def drawn(seed: int) -> tuple[list[str], list[str]]:
    """Truths and answers of which some are small, medium and large in their picture."""
    gold, predicted = pictures(seed, crowds=0.2)
    gold[0] = as_text([*from_text(gold[0]), Box("cat", (1, 1, 60, 50)), Box("dog", (5, 5, 11, 12))])
    found = [Box("cat", (2, 1, 60, 52), 0.7), Box("dog", (5, 5, 11, 13), 0.6)]
    predicted[0] = as_text([*from_text(predicted[0]), *found], scored=True)
    return gold, predicted


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_it_is_that_of_coco_in_the_given_pictures(seed: int) -> None:
    gold, predicted = drawn(seed)
    found = on_all_rows(score([(text, ZOOM) for text in gold], predicted, NAMES))
    assert [found[name] for name in SIZES] == pytest.approx(of_coco(gold, predicted))
    assert min(found.values()) > 0


def test_a_resample_is_measured_as_coco_would_measure_its_pictures() -> None:
    gold, predicted = drawn(4)
    weights = np.random.default_rng(1).multinomial(14, np.full(14, 1 / 14), 6).astype(float)
    values = score([(text, ZOOM) for text in gold], predicted, NAMES).measure(weights)
    for row, weight in enumerate(weights):
        chosen = np.repeat(np.arange(14), weight.astype(int))
        expected = of_coco([gold[i] for i in chosen], [predicted[i] for i in chosen])
        for name, value in zip(SIZES, expected, strict=True):
            if value >= 0:  # COCO's -1: the resample has no object of the size
                assert values[name][row] == pytest.approx(value, abs=1e-9)


def test_a_size_without_an_object_has_no_metric() -> None:
    gold = [as_text([Box("cat", (0, 0, 20, 20))]), as_text([])]
    predicted = [as_text([Box("cat", (0, 0, 20, 20), 0.9)], scored=True)] * 2
    small = score([(text, 1.0) for text in gold], predicted, NAMES)
    assert on_all_rows(small).keys() == {"average_precision_small"}
    medium = score([(text, 4.0) for text in gold], predicted, NAMES)
    assert on_all_rows(medium).keys() == {"average_precision_medium"}
    assert not on_all_rows(score([(as_text([]), 1.0)] * 2, predicted, NAMES))


def test_a_resample_without_a_size_does_not_count_as_nothing_found() -> None:
    gold = [as_text([Box("cat", (0, 0, 20, 20))]), *[as_text([])] * 4]
    predicted = [gold[0].replace("}", ',"score":0.9}'), *[as_text([])] * 4]
    found = score([(text, 1.0) for text in gold], predicted, NAMES)
    weights = draw_weights(np.random.default_rng(0), 5, 200)
    assert (found.measure(weights)["average_precision_small"] > 0.9).all()


def test_truths_are_those_of_their_own_pictures(tmp_path: Path) -> None:
    np.save(tmp_path / "test-zoom.npy", np.array([1.0, 2.0, 4.0]))
    table = pd.DataFrame({"label": ["b", "a"], "place": [2, 0]})
    assert truths(table, tmp_path) == [("b", 4.0), ("a", 1.0)]
    assert [*METRICS] == [*SIZES]
