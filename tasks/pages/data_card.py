"""The data card: what is in a data set, on a page and in figures, from what was counted."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from tasks.data.tally import Lengths, cell
from tasks.machinery.host.digest_memo import digest_file
from tasks.machinery.naming.markdown import escaped
from tasks.pages.figures import BLUE, MUTED, PALETTE, canvas, literal, write_figure
from tasks.pages.numbers import table

MOST_LABELS = 40  # rows of the table and bars of the figure


def show(artifact: Path, out: Path) -> None:
    """Write card.md, lengths.png and, with labels, labels.png.

    Args:
        artifact: folder of stage `corpus` or `dataset`, with tally.json.
        out: empty folder.
    """
    card = Card.read(artifact / "tally.json")
    replace(card, facts={**card.facts, **named_test_rows(artifact)}).write(out)


def named_test_rows(artifact: Path) -> dict[str, str]:
    """What leaderboards call the test rows of a data set, as a fact; empty without a test split."""
    file = artifact / "test.parquet"
    return {"in leaderboards, the test rows are": digest_file(file)[:8]} if file.is_file() else {}


@dataclass(frozen=True)
class Card:
    """What was counted in the splits of a data set (`tasks/data/tally.py`), and its page."""

    name: str
    unit: str
    labels: str
    facts: Mapping[str, int | str]
    characters: Mapping[str, Lengths]
    words: Mapping[str, Lengths]
    balance: Mapping[str, Counter[str]]
    examples: list[list[str]]

    @classmethod
    def read(cls, file: Path) -> Card:
        """The card of a tally.json."""
        values = json.loads(file.read_text(encoding="utf-8"))
        for name in ("characters", "words"):
            values[name] = {split: Lengths.of(each) for split, each in values[name].items()}
        values["balance"] = {split: Counter(each) for split, each in values["balance"].items()}
        return cls(**values)

    def count(self, split: str) -> int:
        """How many rows a split has."""
        return self.characters[split].counts.total()

    def write(self, out: Path) -> None:
        """Write the page and its figures."""
        write_figure(self._draw_lengths(), out / "lengths.png")
        if self.labels:
            write_figure(self._draw_labels(), out / "labels.png")
        (out / "card.md").write_text(self.page(), encoding="utf-8")

    def page(self, *, figures: bool = True) -> str:
        """The page as Markdown, with or without its figures."""
        parts = [
            f"# {escaped(self.name)}",
            self._size_table(),
            table(["found", "count"], [[cell(k), number(v)] for k, v in self.facts.items()]),
            "## Lengths",
            self._length_table(),
            "![Lengths](lengths.png)" if figures else "",
        ]
        if self.labels:
            parts += ["## Labels", self._label_table()]
            parts.append("![Labels](labels.png)" if figures else "")
        examples = [[cell(text) for text in row] for row in self.examples]
        answered = any(len(row) > 2 for row in examples)
        answer = ["label" if self.labels else "answer"] if answered else []
        header = ["document", *answer, "text"]
        parts += ["## Ten examples", table(header, examples, words=len(header))]
        return "\n\n".join(part for part in parts if part) + "\n"

    def _size_table(self) -> str:
        return table(
            ["split", self.unit, "characters", "words"],
            [
                [
                    split,
                    *map(number, (self.count(split), self.characters[split].total, words.total)),
                ]
                for split, words in self.words.items()
            ],
        )

    def _length_table(self) -> str:
        shares = (0.0, 0.05, 0.5, 0.95, 1.0)
        kinds = {"characters": self.characters, "words": self.words}
        return table(
            ["split", "shortest", "5 %", "median", "95 %", "longest"],
            [
                [f"{split}, {kind}", *map(number, lengths.quantiles(shares))]
                for kind, splits in kinds.items()
                for split, lengths in splits.items()
            ],
        )

    def _totals(self) -> Counter[str]:
        return sum(self.balance.values(), Counter())

    def _most(self) -> list[str]:
        totals = self._totals()
        return sorted(totals, key=lambda label: (-totals[label], label))[:MOST_LABELS]

    def _label_table(self) -> str:
        most, splits = self._most(), list(self.balance)
        rows = [
            [cell(label), *(self._of_label(label, split) for split in splits)] for label in most
        ]
        rest = len(self._totals()) - len(most)
        after = f"\n\nand {number(rest)} more labels" if rest else ""
        return table(["label", *(f"{split} {self.labels}" for split in splits)], rows) + after

    def _of_label(self, label: str, split: str) -> str:
        """How often a label is in a split, and its share of the labels there."""
        counts = self.balance[split]
        whole = counts.total()
        return f"{counts[label]:,}" + (f" ({100 * counts[label] / whole:.1f} %)" if whole else "")

    def _draw_lengths(self) -> Figure:
        lengths = [self.words[split] for split in self.words]
        together: Counter[int] = sum((each.counts for each in lengths), Counter())
        merged = Lengths()
        merged.counts = together
        low, median, high, most = merged.quantiles((0.05, 0.5, 0.95, 1.0))
        figure, axes = canvas(
            f"Half of the {self.unit} have at most {number(median)} words",
            f"Words in each of {number(together.total())} {self.unit}, all splits; "
            f"nine in ten have {number(low)} to {number(high)}, the longest {number(most)}",
        )
        edges = [1]  # whole numbers in steps of 20 %, for a logarithmic axis
        while edges[-1] <= most:
            edges.append(max(edges[-1] + 1, round(edges[-1] * 1.2)))
        values = np.array(sorted(together))
        weights = np.array([together[value] for value in sorted(together)])
        axes.hist(np.maximum(values, 1), bins=edges, weights=weights, color=BLUE, rwidth=0.94)
        axes.axvline(max(median, 1), color=MUTED, linewidth=1)
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(lambda value, _: number(int(value)))
        axes.set_xlabel("words (logarithmic)", color=MUTED, fontsize=9)
        axes.set_ylabel(self.unit, color=MUTED, fontsize=9)
        return figure

    def _draw_labels(self) -> Figure:
        most, totals = self._most(), self._totals()
        first = 100 * totals[most[0]] / totals.total() if most else 0.0
        figure, axes = canvas(
            f"The most frequent of {len(totals)} labels has {first:.0f} % of the {self.labels}",
            f"{self.labels.capitalize()} of each label; from the left: {', '.join(self.balance)}",
            height=1.2 + 0.26 * len(most),
        )
        left = np.zeros(len(most))
        for color, counts in zip(PALETTE, self.balance.values(), strict=False):
            widths = np.array([counts[label] for label in most], dtype=float)
            axes.barh(range(len(most)), widths, left=left, color=color, height=0.7)
            left += widths
        for position, label in enumerate(most):
            axes.annotate(
                number(totals[label]),
                (left[position], position),
                (5, 0),
                textcoords="offset points",
                va="center",
                fontsize=8,
                color=MUTED,
            )
        axes.set_yticks(range(len(most)), [literal(label[:40]) for label in most])
        axes.invert_yaxis()
        axes.grid(axis="y", visible=False)
        return figure


def number(value: int | str) -> str:
    """A count with thousands separators."""
    return f"{value:,}" if isinstance(value, int) else value
