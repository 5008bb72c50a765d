"""Shingles of a text: hashes of its pieces, by which two texts that share much are found.

A shingle is a piece of 24 bytes of a text's `content` (letters, marks, digits and symbols alone, so
that it does not matter how words are separated). Only the quarter of them whose hash ends in two
zero bits is kept: the same quarter in every text (Manber, 1994, "Finding similar files in a large
file system", section 2; Broder, 1997, "On the resemblance and containment of documents").
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BYTES = 24
_BASE = np.uint64(0x9E3779B97F4A7C15)  # odd, so that it has an inverse modulo 2^64
_INVERSE = np.uint64(pow(int(_BASE), -1, 1 << 64))
_MIX = np.uint64(0xD6E8FEB86659FD93)
_BLOCK = 1 << 16  # bytes hashed at once

Shingles = NDArray[np.uint64]


def shingles(content: str) -> Shingles:
    """The sampled shingles of a `content`, sorted and unique; empty below 24 bytes."""
    data = np.frombuffer(content.encode(), np.uint8)
    step = _BLOCK - BYTES + 1
    blocks = [
        _hashes(data[start : start + _BLOCK]) for start in range(0, len(data) - BYTES + 1, step)
    ]
    return np.unique(np.concatenate(blocks)) if blocks else np.zeros(0, np.uint64)


def _hashes(data: NDArray[np.uint8]) -> Shingles:
    # The hash of the piece at i is sum_j data[i + j] * BASE^j, modulo 2^64. With the running sums
    # S[i] = sum_{k < i} data[k] * BASE^k it is (S[i + 24] - S[i]) * BASE^-i: no loop over pieces.
    powers = _POWERS[: len(data)]
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(data * powers, dtype=np.uint64)])
    pieces = (sums[BYTES:] - sums[:-BYTES]) * _INVERSES[: len(data) - BYTES + 1]
    # Low bits of such a sum are low bits of the bytes alone; mix the high ones into them.
    mixed = (pieces ^ (pieces >> np.uint64(32))) * _MIX
    mixed ^= mixed >> np.uint64(29)
    chosen: Shingles = mixed[(mixed & np.uint64(3)) == 0]
    return chosen


def _powers(base: np.uint64) -> Shingles:
    found = np.full(_BLOCK, base, np.uint64)
    found[0] = 1
    return np.cumprod(found, dtype=np.uint64)


_POWERS, _INVERSES = _powers(_BASE), _powers(_INVERSE)


class ShingleIndex:
    """The shingles of many texts, to find those that another text contains much of."""

    SHARED = 0.5  # of a text's shingles that must be in the other
    FEWEST = 8  # shingles of a text: about 56 bytes; less says nothing

    def __init__(self, texts: list[Shingles]) -> None:
        texts = [each for each in texts if len(each) >= self.FEWEST]
        self.sizes = np.array([len(each) for each in texts], np.int64)
        every = np.concatenate(texts) if texts else np.zeros(0, np.uint64)
        owners = np.repeat(np.arange(len(texts)), self.sizes)
        order = np.argsort(every, kind="stable")
        self.every, self.owners = every[order], owners[order]

    def shares_much(self, other: Shingles) -> bool:
        """Whether a text contains at least half of the shingles of one of these."""
        if not len(self.every) or not len(other):
            return False
        first = np.searchsorted(self.every, other, "left")
        last = np.searchsorted(self.every, other, "right")
        hit = np.flatnonzero(last > first)
        if not len(hit):
            return False
        found = np.concatenate(
            [self.owners[begin:end] for begin, end in zip(first[hit], last[hit], strict=True)]
        )
        counts = np.bincount(found, minlength=len(self.sizes))
        return bool((counts >= self.SHARED * self.sizes).any())
