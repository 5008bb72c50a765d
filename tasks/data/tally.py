"""Streaming counts over rows and documents: lengths, labels, examples."""

from __future__ import annotations

import bisect
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from pathlib import Path

from tasks.data.same_text import count_words, share
from tasks.machinery.naming.cut import cut

EXAMPLES = 10
SHOWN_CHARACTERS = 300


class Lengths:
    """A histogram of lengths, so that memory does not grow with the data."""

    def __init__(self) -> None:
        self.counts: Counter[int] = Counter()

    def add(self, length: int) -> None:
        """Count one more."""
        self.counts[length] += 1

    @classmethod
    def of(cls, pairs: Iterable[tuple[int, int]]) -> Lengths:
        """Lengths from pairs of a length and its count."""
        lengths = cls()
        lengths.counts.update(dict(pairs))
        return lengths

    def pairs(self) -> list[tuple[int, int]]:
        """Each length with its count, the shortest first."""
        return sorted(self.counts.items())

    @property
    def total(self) -> int:
        """The sum of all lengths."""
        return sum(length * count for length, count in self.counts.items())

    def quantiles(self, shares: Sequence[float]) -> list[int]:
        """Lengths that these shares of the items do not exceed; zeros if nothing was counted."""
        lengths = sorted(self.counts)
        sums = list(accumulate(self.counts[length] for length in lengths))
        if not sums:
            return [0] * len(shares)
        return [lengths[bisect.bisect_left(sums, max(1.0, part * sums[-1]))] for part in shares]


class Examples:
    """Ten sample rows: those with the smallest hash, independent of the order."""

    def __init__(self) -> None:
        self._kept: list[tuple[float, tuple[str, ...]]] = []

    def offer(self, name: str, cells: tuple[str, ...]) -> None:
        """Keep a row if it is among the ten."""
        key = share(0, name)
        if len(self._kept) < EXAMPLES or key < self._kept[-1][0]:
            bisect.insort(self._kept, (key, cells))
            del self._kept[EXAMPLES:]

    def rows(self) -> list[list[str]]:
        """The cells of each row."""
        return [list(cells) for _, cells in self._kept]


class Tally:
    """What is counted in the splits of a data set, as its rows flow by.

    Args:
        name: What the data set is called.
        unit: What is counted: documents or rows.
        splits: The names of the splits, in the order to show.
        labels: What is counted by label: rows or spans; "" where there are no labels.
    """

    def __init__(self, name: str, unit: str, splits: Sequence[str], labels: str = "") -> None:
        self.name, self.unit, self.labels = name, unit, labels
        self.characters = {split: Lengths() for split in splits}
        self.words = {split: Lengths() for split in splits}
        self.balance: dict[str, Counter[str]] = {split: Counter() for split in splits}
        self.examples = Examples()

    def add(
        self,
        split: str,
        name: str,
        text: str,
        counted: Sequence[str] = (),
        shown: tuple[str, str] | None = None,
    ) -> None:
        """Count a row.

        Args:
            split: The split it is in.
            name: Its document.
            text: What is measured.
            counted: The labels in it.
            shown: Its label and its text as an example shows them, where there are labels.
        """
        self.characters[split].add(len(text))
        self.words[split].add(count_words(text))
        if counted:  # `update` takes a while to find that there is nothing
            self.balance[split].update(counted)
        start = text[: SHOWN_CHARACTERS + 1]
        self.examples.offer(f"{name}\0{start}", (name, *(shown or (start,))))

    def count(self, split: str) -> int:
        """How many rows a split has."""
        return self.characters[split].counts.total()

    def write(self, path: Path, facts: Mapping[str, int | str]) -> None:
        """Write all that was counted as JSON, for the page of the data set.

        Args:
            path: the file, `tally.json`.
            facts: what was found, by its words: duplicates, overlaps, what was left out.
        """
        values = {
            "name": self.name,
            "unit": self.unit,
            "labels": self.labels,
            "facts": dict(facts),
            "characters": {split: each.pairs() for split, each in self.characters.items()},
            "words": {split: each.pairs() for split, each in self.words.items()},
            "balance": {split: dict(sorted(each.items())) for split, each in self.balance.items()},
            "examples": self.examples.rows(),
        }
        path.write_text(json.dumps(values, ensure_ascii=False) + "\n", encoding="utf-8")


def cell(text: str) -> str:
    """Text for one cell of a table: one line, truncated if long."""
    return cut(" ".join(text.split()), SHOWN_CHARACTERS)
