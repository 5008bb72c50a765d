"""What a report says of stage `explanation`: the verdicts alone, since its page is long."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from tasks.pages.generalization.writing import said

TITLE = "Explanations"
FIGURES: dict[str, str] = {}


def blocks(found: Mapping[str, Any]) -> list[str]:
    """The verdict on each method, and where the rows are."""
    return [said(found), "The page of the stage `explanation` has the rows in colour."]


def figures(_: Mapping[str, Any]) -> dict[str, Figure]:
    """None: those of its page are made from its other files."""
    return {}
