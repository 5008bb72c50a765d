"""The page of rows that look mislabelled; the whole table is beside it, to correct."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tasks.data.tally import cell
from tasks.machinery.naming.markdown import escaped
from tasks.pages import numbers as pages
from tasks.pages.generalization.writing import read, said, write_card

TITLE = "Rows that look mislabelled"


def show(artifact: Path, out: Path) -> None:
    """Write card.md and copy mislabelled.csv.

    Args:
        artifact: folder of stage `mislabelled`.
        out: empty folder.
    """
    write_card(TITLE, blocks(read(artifact)), {}, out)
    shutil.copyfile(artifact / "mislabelled.csv", out / "mislabelled.csv")


def blocks(found: Mapping[str, Any]) -> list[str]:
    """What was found, the most frequent pairs of labels, and the most suspicious rows."""
    if found["accuracy"] is None:
        return [said(found)]
    splits = [
        [split, f"{suspects:,}", f"{rows:,}"] for split, (suspects, rows) in found["splits"].items()
    ]
    parts = [said(found), pages.table(["split", "look mislabelled", "rows"], splits)]
    if found["pairs"]:
        pairs = [[cell(a), cell(b), f"{count:,}"] for a, b, count in found["pairs"]]
        parts.append(pages.table(["label", "looks like", "rows"], pairs, words=2))
        rows = [
            [
                cell(str(row[found["truth"]])),
                cell(str(row["suggested"])),
                cell(str(row[found["input"]])),
                f"{row['probability']:.0%}",
                f"{row['probability_of_label']:.0%}",
                row["split"],
            ]
            for row in found["first"]
        ]
        header = ["label", "looks like", found["input"], "probability", "of the label", "split"]
        parts.append(pages.table(header, rows, words=3))
    parts.append(
        f"By confident learning: {escaped(found['simple'])}, trained without the rows of each of "
        f"five folds, is right about {found['accuracy']:.1%} of them. The model can be wrong as "
        "well, above all about rows that are hard to tell: look at each row. All are in "
        "mislabelled.csv, the most suspicious first."
    )
    if found["few"]:
        labels = escaped(", ".join(cell(label) for label in found["few"][:20]))
        parts.append(
            f"Not looked at: the rows of {len(found['few']):,} labels with fewer documents than "
            f"folds: {labels}."
        )
    return parts
