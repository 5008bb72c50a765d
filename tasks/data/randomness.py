"""Random numbers as a function of counters, not of a generator's state.

A number is a hash of what it is for: `draw(seed, epoch, index, purpose)`. So it does not matter in
which order, in which process or after how many restarts it is asked for, and whole arrays are drawn
at once. The hash is the finalizer of SplitMix64 (Steele, Lea and Flood, 2014, "Fast splittable
pseudorandom number generators", figure 17; constants of Stafford's variant 13), chained over the
counters.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Bits = NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_ROUNDS = 6


def draw(*counters: ArrayLike) -> Bits:
    """64 random bits for each combination of counters (integers or arrays of them), broadcast."""
    state = np.zeros((), np.uint64)
    with np.errstate(over="ignore"):
        for counter in counters:
            state = _mix((state ^ np.asarray(counter).astype(np.uint64)) + _GOLDEN)
    return state


def below(bits: Bits, bounds: ArrayLike) -> NDArray[np.int64]:
    """Integers in [0, bound), each as likely as another up to 2⁻³² · bound (bounds below 2³²)."""
    high = bits >> np.uint64(32)
    return (high * np.asarray(bounds).astype(np.uint64) >> np.uint64(32)).astype(np.int64)


def unit(bits: Bits) -> NDArray[np.float64]:
    """Numbers in [0, 1) with 53 random bits."""
    return (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53


def permuted(positions: NDArray[Any], size: int, key: ArrayLike) -> NDArray[np.int64]:
    """Where a random permutation of range(size) takes the positions; nothing of its size is stored.

    A Feistel network over the next even power of two, walked on until it falls below `size`
    (Black and Rogaway, 2002, "Ciphers with arbitrary finite domains", section 3).

    Args:
        positions: integers in [0, size).
        size: how many are permuted.
        key: chooses the permutation; one for all, or one for each position.
    """
    # Example: size 6 and key 1. The next even power of two is 16: values of 4 bits, in two halves
    # of 2. The network is a permutation of range(16): positions 0 to 5 go to [7, 11, 5, 10, 9, 2].
    # Those of 6 or more go through it again, until all are below 6: [4, 0, 5, 1, 3, 2]. Two of them
    # never meet on the way, since every step can be reversed: it is a permutation of range(6).
    half = np.uint64(max(1, ((size - 1).bit_length() + 1) // 2))
    keys = np.broadcast_to(np.asarray(key).astype(np.uint64), positions.shape)
    result = _feistel(positions.astype(np.uint64), half, keys)
    while (outside := np.flatnonzero(result >= np.uint64(size))).size:
        result[outside] = _feistel(result[outside], half, keys[outside])
    return result.astype(np.int64)


def _mix(state: Bits) -> Bits:
    state = (state ^ (state >> np.uint64(30))) * _FIRST
    state = (state ^ (state >> np.uint64(27))) * _SECOND
    return state ^ (state >> np.uint64(31))


def _feistel(values: Bits, half: np.uint64, keys: Bits) -> Bits:
    low = (np.uint64(1) << half) - np.uint64(1)
    left, right = values >> half, values & low
    for number in range(_ROUNDS):
        left, right = right, left ^ (draw(keys, number, right) & low)
    return (left << half) | right
