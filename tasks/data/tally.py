"""What is counted as rows and documents flow by: lengths, labels, examples."""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate

from tasks.data.same_text import share

EXAMPLES = 10


SHOWN_CHARACTERS = 300


class Lengths:
    """Lengths as they come by, counted, so that memory does not grow with the data."""

    def __init__(self) -> None:
        self.counts: Counter[int] = Counter()

    def add(self, length: int) -> None:
        """Count one more."""
        self.counts[length] += 1

    @property
    def total(self) -> int:
        """The sum of all lengths."""
        return sum(length * count for length, count in self.counts.items())

    def quantiles(self, shares: Sequence[float]) -> list[int]:
        """Lengths that these shares of the counted do not exceed; zeros if nothing was counted."""
        lengths = sorted(self.counts)
        sums = list(accumulate(self.counts[length] for length in lengths))
        if not sums:
            return [0] * len(shares)
        return [lengths[bisect.bisect_left(sums, max(1.0, part * sums[-1]))] for part in shares]


class Examples:
    """Ten rows that stand for the rest: those whose hash is smallest, whatever their order."""

    def __init__(self) -> None:
        self._kept: list[tuple[float, tuple[str, ...]]] = []

    def offer(self, name: str, cells: tuple[str, ...]) -> None:
        """Keep a row if it is among the ten."""
        key = share(0, name)
        if len(self._kept) < EXAMPLES or key < self._kept[-1][0]:
            bisect.insort(self._kept, (key, cells))
            del self._kept[EXAMPLES:]

    def rows(self) -> list[list[str]]:
        """The rows as cells of a Markdown table."""
        return [[cell(text) for text in cells] for _, cells in self._kept]


def cell(text: str) -> str:
    """Text for one cell of a Markdown table, in one line, cut where it is long."""
    line = " ".join(text.replace("|", "\\|").split())
    return line if len(line) <= SHOWN_CHARACTERS else f"{line[: SHOWN_CHARACTERS - 1]}…"
