"""What stages beyond the evaluation found: a page for each, and a section of the report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, cast, runtime_checkable

from matplotlib.figure import Figure

from tasks.machinery.naming.markdown import escaped
from tasks.machinery.naming.title import Title
from tasks.pages.explanations import probing_card, section
from tasks.pages.figures import write_figure
from tasks.pages.generalization import (
    calibration_card,
    forgetting_card,
    learning_curve_card,
    mislabelled_card,
    near_duplicates_card,
    slices_card,
    transfer_card,
)
from tasks.pages.generalization.writing import read


class Card(Protocol):
    """The names in a page of a stage.

    Attributes:
        TITLE: what the stage finds.
    """

    TITLE: str

    def blocks(self, found: dict[str, Any]) -> list[str]:
        """The page in blocks of Markdown, without its heading, from finding.json."""


@runtime_checkable
class Drawn(Protocol):
    """The further names in a page with figures.

    Attributes:
        FIGURES: the alternative text of each figure, by their names.
    """

    FIGURES: dict[str, str]

    def figures(self, found: dict[str, Any]) -> dict[str, Figure]:
        """The figures by their names."""


CARDS = {
    "calibration": cast(Card, calibration_card),
    "slices": cast(Card, slices_card),
    "transfer": cast(Card, transfer_card),
    "learning-curve": cast(Card, learning_curve_card),
    "mislabelled": cast(Card, mislabelled_card),
    "forgetting": cast(Card, forgetting_card),
    "near-duplicates": cast(Card, near_duplicates_card),
    "explanation": cast(Card, section),
    "probing": cast(Card, probing_card),
}


def sections(titles: Sequence[str], folders: Sequence[Path], show: Path) -> list[str]:
    """The sections of a report, whose figures are written beside it.

    Args:
        titles: of the stages.
        folders: their artifacts, in the same order.
        show: the folder of the report.
    """
    parts: list[str] = []
    for text, folder in zip(titles, folders, strict=True):
        title = Title.parse(text)
        card, found = CARDS[title.stage], read(folder)
        parts += [f"## {card.TITLE}: {escaped(title.label)}", *card.blocks(found)]
        if not isinstance(card, Drawn):
            continue
        for name, figure in card.figures(found).items():
            path = f"{title.label}-{name}"
            write_figure(figure, show / path)
            parts.append(f"![{escaped(f'{title.label}: {card.FIGURES[name]}')}]({path})")
    return parts
