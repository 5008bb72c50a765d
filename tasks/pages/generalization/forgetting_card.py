"""The page of forgetting: the loss of the pre-training before and after fine-tuning."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tasks.machinery.naming.markdown import escaped
from tasks.pages import numbers as pages
from tasks.pages.generalization.writing import read, said, write_card
from tasks.statistics import numbers

TITLE = "Forgetting"


def show(artifact: Path, out: Path) -> None:
    """Write card.md.

    Args:
        artifact: folder of stage `forgetting`.
        out: empty folder.
    """
    write_card(TITLE, blocks(read(artifact)), {}, out)


def blocks(found: Mapping[str, Any]) -> list[str]:
    """What was found, both losses, and what they are."""
    metrics = found["metrics"]
    losses = [metrics[f"forgetting/{name}_loss"] for name in ("before", "after", "added")]
    low, high = (metrics[f"forgetting/added_loss/{end}"] for end in ("low", "high"))
    added = numbers.difference(losses[2], low, high, "nats")
    rows = [[f"{losses[0]:.3f}", f"{losses[1]:.3f}", added]]
    return [
        said(found),
        pages.table(["before", "after fine-tuning", "added"], rows, words=0),
        f"Objective {escaped(found['objective'])}: {found['loss']}. On {found['sequences']:,} "
        f"sequences of {found['length']:,} tokens. The head is that of the pre-training, the "
        f"encoder the fine-tuned one; {100 * found['confidence']:g} % bootstrap interval over "
        "blocks of sequences, paired.",
    ]
