"""The page of test rows that are nearly in the training; the whole table is beside it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tasks.pages import numbers as pages
from tasks.pages.generalization.writing import read, said, write_card

TITLE = "Near-duplicates of test rows"


def show(artifact: Path, out: Path) -> None:
    """Write card.md and copy near_duplicates.csv.

    Args:
        artifact: folder of stage `near-duplicates`.
        out: empty folder.
    """
    write_card(TITLE, blocks(read(artifact)), {}, out)
    shutil.copyfile(artifact / "near_duplicates.csv", out / "near_duplicates.csv")


def blocks(found: Mapping[str, Any]) -> list[str]:
    """What was found, the first pairs, and how they were looked for."""
    parts = [said(found)]
    if found["first"]:
        header = ["of the test row", "split", "test row", "the other row"]
        parts.append(pages.table(header, found["first"], words=len(header)))
    parts.append(
        f"{found['rows']} of the test. Texts are compared by hashed pieces of 24 letters, however "
        "they are spaced and punctuated; rows that are the same but for that are on the data "
        "card. All are in near_duplicates.csv; remove them from one of the splits, or give both "
        "the same document."
    )
    return parts
