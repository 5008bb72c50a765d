"""Regions of COCO are drawn as its library draws them, and nothing else is handed to it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pycocotools import mask as masks

from tasks.contract import StageError
from tasks.data.images.picture import Region
from tasks.data.images.regions import EMPTY, WITHOUT, draw
from tasks.data.notices import Notices

HIGH, WIDE = 6, 8


def drawn(shape: Any) -> np.ndarray:
    return draw([Region(3, shape, "a.json, annotation 1")], (WIDE, HIGH))


@pytest.mark.parametrize("seed", range(20))
def test_runs_are_read_as_the_library_reads_them(seed: int) -> None:
    draws = np.random.default_rng(seed)
    high, wide = draws.integers(1, 200, 2).tolist()
    mask = draws.random((high, wide)) < draws.choice([0.02, 0.5, 0.99])
    packed = masks.encode(np.asfortranarray(mask.astype(np.uint8)))
    ends = np.flatnonzero(np.diff(mask.T.ravel(), prepend=False))
    runs = np.diff(ends, prepend=0, append=mask.size).tolist()
    for counts in (packed["counts"].decode(), runs):
        region = Region(1, {"size": [high, wide], "counts": counts}, "a")
        assert np.array_equal(draw([region], (wide, high)), mask)


RUNS = [
    *([10, 5], [48, -5, 5], [48, 0.0], [48, False], [48, None], [48, "9"], [24, 24, -1, 1]),
    *("", "0\0", "oooooooN", "PPPPPPP1PPPPPPP1", "P" * 30, "\n", "é", None, 7),
]


@pytest.mark.parametrize("counts", RUNS)
def test_runs_that_are_not_those_of_the_picture_are_refused(counts: Any) -> None:
    with pytest.raises(StageError, match="annotation 1: found the segmentation"):
        drawn({"size": [HIGH, WIDE], "counts": counts})


@pytest.mark.parametrize(
    ("polygon", "said"),
    [
        ([0, 0, 3e5, 0, 3e5, 3e5], r"from 0 to 300000, and the picture from 0 to 8"),
        ([0, -7, 5, 0, 5, 5], r"from -7 to 5, and the picture from 0 to 6"),
        ([0, 0, 1e9, 0, 5, 5], "found the segmentation"),
        ([0, 0, 10**400, 0, 5, 5], "found the segmentation"),
        ([0, 0, float("nan"), 0, 5, 5], "found the segmentation"),
        ([True, False, True, True, False, True], "found the segmentation"),
    ],
)
def test_corners_far_from_the_picture_are_refused(polygon: list[Any], said: str) -> None:
    with pytest.raises(StageError, match=said):
        drawn([polygon])


@pytest.mark.parametrize(("shape", "what"), [([[0, 0, 7, 0, 3, 0]], EMPTY), (None, WITHOUT)])
def test_a_region_without_a_pixel_or_a_shape_is_counted(shape: Any, what: str) -> None:
    notices = Notices()
    region = Region(1, shape, "a.json, annotation 7")
    assert not draw([region], (WIDE, HIGH), notices).any()
    assert (notices.counts[what], notices.examples[what]) == (1, "a.json, annotation 7")
