"""Writes the page of one stage."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from tasks.machinery.naming.markdown import escaped
from tasks.pages.figures import write_figure


def read(folder: Path) -> dict[str, Any]:
    """What a stage found."""
    found: dict[str, Any] = json.loads((folder / "finding.json").read_text(encoding="utf-8"))
    return found


def said(found: Mapping[str, Any]) -> str:
    """The sentences of a finding, a line each."""
    lines = [f"- **{escaped(each[0].upper() + each[1:])}.**" for each in found["sentences"]]
    return "\n".join(lines)


def write_card(title: str, blocks: Sequence[str], figures: Mapping[str, Figure], out: Path) -> None:
    """Write card.md and the figures."""
    text = "\n\n".join([f"# {title}", *blocks])
    (out / "card.md").write_text(text + "\n", encoding="utf-8")
    for name, figure in figures.items():
        write_figure(figure, out / name)
