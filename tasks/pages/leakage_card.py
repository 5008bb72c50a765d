"""The page of a search for leakage: its result in a sentence."""

from __future__ import annotations

import json
from pathlib import Path

from tasks.machinery.naming.markdown import escaped


def show(artifact: Path, out: Path) -> None:
    """Write card.md.

    Args:
        artifact: folder of stage `leakage`, with leakage.json.
        out: empty folder.
    """
    (out / "card.md").write_text(f"# Leakage\n\n{read_sentence(artifact)}\n", encoding="utf-8")


def read_sentence(artifact: Path) -> str:
    """The result in Markdown: bold where test rows were found."""
    found = json.loads((artifact / "leakage.json").read_text(encoding="utf-8"))
    said = escaped(found["sentence"])
    return f"**{said}**" if found["leaks"] else said
