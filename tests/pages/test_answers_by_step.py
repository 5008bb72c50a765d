"""Answers on a few pictures while a model learns: truth above, answer below."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.data.images import masks
from tasks.data.images.boxes import Box, as_text
from tasks.pages.evaluation.answers_by_step import draw

LABELS = ["ground", "cat", "dog"]
SIZE = 50


def texts(left: int) -> dict[str, str]:
    """The text of an object from so many pixels on, as boxes and as a mask."""
    box = Box("cat", (left, 10, left + 20, 30), 0.9)
    mask = np.zeros((SIZE, SIZE), np.uint8)
    mask[10:30, left : left + 20] = 1
    return {
        "object-detection": as_text([box], scored=True),
        "semantic-segmentation": masks.as_text(mask, LABELS),
    }


@pytest.mark.parametrize("problem", ["object-detection", "semantic-segmentation"])
@pytest.mark.parametrize("channels", [1, 3])
def test_truth_and_answer_are_where_they_are_in_the_picture(problem: str, channels: int) -> None:
    pixels = [np.full((SIZE, SIZE, channels), 100, np.uint8)] * 2
    gold, predicted = texts(5)[problem], [texts(25)[problem], texts(5)[problem]]
    seen = {"problem": problem, "pixels": pixels, "gold": [gold] * 2, "predicted": predicted}
    sheet = np.asarray(draw({**seen, "labels": LABELS}), np.int64)
    coloured = (np.ptp(sheet, axis=2) > 40).any(axis=0)
    of_truth, of_answer = (
        (np.ptp(part, axis=2) > 40).any(axis=0) for part in np.array_split(sheet, 2)
    )
    half = len(coloured) // 2 + 20  # between the pictures
    assert not np.array_equal(of_truth[:half], of_answer[:half]), "the answer is wrong here"
    assert np.flatnonzero(of_answer[:half])[0] - np.flatnonzero(of_truth[:half])[0] >= 20 * 4 - 2
    begin = [np.flatnonzero(each[half:])[0] for each in (of_truth, of_answer)]
    assert begin[0] == begin[1], "and right there"


def test_a_crowd_is_no_truth_and_an_unsure_answer_is_not_shown() -> None:
    pixels = [np.full((SIZE, SIZE, 1), 100, np.uint8)]
    seen = {"problem": "object-detection", "pixels": pixels, "labels": LABELS}
    crowd = as_text([Box("cat", (5, 5, 20, 20), crowd=True)])
    unsure = as_text([Box("cat", (5, 5, 20, 20), 0.1)], scored=True)
    sheet = np.asarray(draw({**seen, "gold": [crowd], "predicted": [unsure]}))
    assert (np.ptp(sheet.astype(int), axis=2) == 0).all()
