"""A page so small that a test sees only what the machinery does."""

from __future__ import annotations

import os
from pathlib import Path

COLOUR = "blue"


def show(artifact: Path, out: Path) -> None:
    """Write the number in a colour; fail where the environment says so."""
    if "TOY_BROKEN_PAGE" in os.environ:
        raise ValueError("no ink")
    number = (artifact / "number.txt").read_text()
    (out / "card.md").write_text(f"# {number} in {COLOUR}\n")
