"""The data card of pictures: sizes, colours, labels, what was found, and a sheet of pictures."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tasks.data.images.splitting import SPLITS
from tasks.data.tally import cell
from tasks.machinery.naming.markdown import escaped
from tasks.pages.data_card import named_test_rows
from tasks.pages.figures import write_figure
from tasks.pages.numbers import table
from tasks.pages.picture_sheets import label_sheet

MOST_LABELS = 40  # rows of the table


def show(artifact: Path, out: Path) -> None:
    """Write card.md and sheet.png.

    Args:
        artifact: folder of stage `images`, with tally.json and sheet.npy.
        out: empty folder.
    """
    card = PicturesCard.read(artifact / "tally.json")
    card = replace(card, facts={**card.facts, **named_test_rows(artifact)})
    sheet = np.load(artifact / "sheet.npy")
    if len(sheet):
        many = len(card.sheet) > 1
        title = f"{card.name}: pictures of {len(card.sheet)} labels" if many else card.name
        write_figure(label_sheet(sheet, card.sheet, title), out / "sheet.png")
    (out / "card.md").write_text(card.page(), encoding="utf-8")


@dataclass(frozen=True)
class PicturesCard:
    """What stage `images` counted.

    Attributes:
        name: of the data set.
        facts: what was found, by its words.
        counts: pictures in each split.
        balance: pictures of each label in each split.
        sizes: the most frequent sizes: width, height, pictures.
        means: the mean of red, green and blue over all pictures, from 0 to 255.
        sheet: the labels of the rows of sheet.npy.
    """

    name: str
    facts: Mapping[str, int | str]
    counts: Mapping[str, int]
    balance: Mapping[str, Mapping[str, int]]
    sizes: list[list[int]]
    means: list[float]
    sheet: list[str]

    @classmethod
    def read(cls, file: Path) -> PicturesCard:
        """The card of a tally.json."""
        values = json.loads(file.read_text(encoding="utf-8"))
        for name in ("counts", "balance"):
            values[name] = {split: values[name][split] for split in SPLITS if split in values[name]}
        return cls(**values)

    def page(self) -> str:
        """The page as Markdown."""
        red, green, blue = self.means
        parts = [
            f"# {escaped(self.name)}",
            table(["split", "pictures"], [[name, f"{n:,}"] for name, n in self.counts.items()]),
            table(["found", "count"], [[cell(k), _number(v)] for k, v in self.facts.items()]),
            "## Pictures",
            f"Mean colour: red {red:.0f}, green {green:.0f}, blue {blue:.0f} of 255.",
            table(
                ["most frequent sizes (width × height)", "pictures"],
                [[f"{width:,} × {height:,}", f"{n:,}"] for width, height, n in self.sizes],
            ),
        ]
        if any(self.balance.values()):
            parts += ["## Labels", self._labels()]
        return "\n\n".join(parts) + "\n"

    def _labels(self) -> str:
        totals: Counter[str] = sum(map(Counter, self.balance.values()), Counter())
        most = sorted(totals, key=lambda label: (-totals[label], label))
        rows = [
            [cell(label), *(f"{counts.get(label, 0):,}" for counts in self.balance.values())]
            for label in most[:MOST_LABELS]
        ]
        rest = len(most) - MOST_LABELS
        after = f"\n\nand {rest:,} more labels" if rest > 0 else ""
        return table(["label", *self.balance], rows) + after


def _number(value: int | str) -> str:
    return f"{value:,}" if isinstance(value, int) else cell(value)
