"""What drives an answer in all rows together: the words, or the regions, with the mean of each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from tasks.models.explaining.measured import Measured
from tasks.models.explaining.subject import Floats

OFTEN = 3  # rows that a word is in, to be shown; of an answer to fewer than four times as many, 1
MOST = 10  # words of an answer that are shown for it, and against it


def word_drivers(rows: Sequence[Measured], method: str) -> list[dict[str, Any]]:
    """The words with the highest and the lowest mean attribution; of few rows, all that occur.

    A word counts once a row, with the sum of its places there; upper and lower case are the same.

    Returns:
        `word`, `mean` (towards the answer), `rows`; the highest first.
    """
    found: dict[str, list[float]] = defaultdict(list)
    for each in rows:
        own: dict[str, float] = defaultdict(float)
        for piece, value in zip(each.row.pieces, each.values[method], strict=True):
            own[piece.text.casefold()] += each.row.direction * float(value)
        for word, value in own.items():
            found[word].append(value)
    least = OFTEN if len(rows) >= 4 * OFTEN else 1
    often = {word: values for word, values in found.items() if len(values) >= least} or found
    means = {word: float(np.mean(values)) for word, values in often.items()}
    order = sorted(means, key=lambda word: (-means[word], word))
    if len(order) > 2 * MOST:
        order = [*order[:MOST], *order[-MOST:]]
    return [{"word": word, "mean": means[word], "rows": len(often[word])} for word in order]


def region_drivers(rows: Sequence[Measured], method: str) -> Floats:
    """The mean attribution of each region towards the answer: shape (regions,)."""
    found: Floats = np.mean([each.row.direction * each.values[method] for each in rows], axis=0)
    return found
