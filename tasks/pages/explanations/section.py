"""What a report says of stage `explanation`: the verdicts alone, since its page is long."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tasks.pages.generalization.writing import said

TITLE = "Explanations"


def blocks(found: Mapping[str, Any]) -> list[str]:
    """The verdict on each method, and where the rows are."""
    return [said(found), "The page of the stage `explanation` has the rows in colour."]
