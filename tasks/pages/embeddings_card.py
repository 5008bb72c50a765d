"""The page of embeddings by counting: which tokens are alike."""

from __future__ import annotations

import json
from pathlib import Path

from tasks.pages import numbers as pages


def show(artifact: Path, out: Path) -> None:
    """Write card.md.

    Args:
        artifact: folder of stage `embeddings`, with neighbours.json.
        out: empty folder.
    """
    found = json.loads((artifact / "neighbours.json").read_text(encoding="utf-8"))
    rows = [[word, ", ".join(nearest)] for word, nearest in found.items()]
    parts = [
        "# Embeddings by counting",
        "Tokens with similar neighbours in the text have similar vectors; pre-training begins with "
        "them. The nearest of some frequent tokens, by cosine:",
        pages.table(["token", "nearest"], rows, words=2),
    ]
    (out / "card.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")
