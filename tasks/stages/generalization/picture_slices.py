"""Stage `slices` of pictures: on which parts of the test split a fine-tuned model is worse.

By the true label, by how large the objects or masks are, by how bright a picture is: what the
`sliced.py` of the problem states. A group of pictures is one document, so that it has no interval
and is no slice.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from tasks.contract import Monitor
from tasks.data.images.pixel_arrays import open_pixels
from tasks.problems import load
from tasks.statistics.headline import read_answers
from tasks.statistics.slicing.finding import find_slices
from tasks.statistics.slicing.pictures import values_of


def measure_on_pictures(
    problem: str,
    columns: list[str],
    confidence: float,
    seed: int,
    *,
    data: Path,
    evaluation: Path,
    out: Path,
    monitor: Monitor,
) -> dict[str, float]:
    """Measure the headline metric on the slices of the test split.

    Args:
        problem: what is predicted.
        columns: what to slice by, of the problem's SLICES.
        confidence: coverage of the intervals, and one minus the level of the tests.
        seed: seed of the resamples.
        data: folder with test.parquet and test.npy.
        evaluation: folder of the evaluation, with predictions.parquet.
        out: empty folder for finding.json: sentences, and all slices, the worst first.
        monitor: receives what is left out.

    Returns:
        As stage `slices` of text: `slices/measured`, `slices/worse`, and each slice.
    """
    rows, pixels = pd.read_parquet(data / "test.parquet"), open_pixels(data, "test")
    values = {name: values_of(problem, name, rows, pixels) for name in columns}
    return find_slices(
        load(problem),
        read_answers(evaluation),
        values,
        confidence=confidence,
        seed=seed,
        out=out,
        monitor=monitor,
    )
