"""Texts that are nearly the same: one has at least half of the shingles of the other.

Shingles are sampled by their hash, the same in every text (`shingles.py`), so that the share of
them that two texts have in common estimates how much of one is in the other, as MinHash does for
their likeness (Broder 1997, "On the resemblance and containment of documents").
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tasks.data.shingles import ShingleIndex, Shingles


class NearTexts:
    """The shingles of many texts, to find which of them are mostly in another text.

    Args:
        texts: the shingles of each; those of fewer than `ShingleIndex.FEWEST` are never found.
    """

    def __init__(self, texts: list[Shingles]) -> None:
        self._numbers = np.array(
            [i for i, each in enumerate(texts) if len(each) >= ShingleIndex.FEWEST], np.int64
        )
        self._index = ShingleIndex(texts)

    def mostly_in(self, other: Shingles) -> list[tuple[int, float]]:
        """The number of each text of which at least half is in another, and which share of it."""
        every, owners, sizes = self._index.every, self._index.owners, self._index.sizes
        if not len(every) or not len(other):
            return []
        first, last = (np.searchsorted(every, other, side) for side in ("left", "right"))
        hit = np.flatnonzero(last > first)
        if not len(hit):
            return []
        found: NDArray[np.int64] = np.concatenate(
            [owners[begin:end] for begin, end in zip(first[hit], last[hit], strict=True)]
        )
        shares = np.bincount(found, minlength=len(sizes)) / sizes
        near = np.flatnonzero(shares >= ShingleIndex.SHARED)
        return [(int(self._numbers[i]), float(shares[i])) for i in near]
