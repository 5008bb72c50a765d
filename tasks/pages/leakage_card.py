"""The page of a search for leakage: its result in a sentence."""

from __future__ import annotations

import json
from pathlib import Path


def show(artifact: Path, out: Path) -> None:
    """Write card.md.

    Args:
        artifact: folder of stage `leakage`, with leakage.json.
        out: empty folder.
    """
    found = json.loads((artifact / "leakage.json").read_text(encoding="utf-8"))
    (out / "card.md").write_text(f"# Leakage\n\n{found['sentence']}\n", encoding="utf-8")
