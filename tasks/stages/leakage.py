"""Stage `leakage`: whether the training data of a model contain rows of a test split.

A whole experiment leaves the documents of its test splits out of the corpus. A given model was
pre-trained without regard to these test splits: this stage searches its training data for them, by
the same rule (`held_out.py`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from tasks.contract import Monitor
from tasks.data.held_out import HeldOut
from tasks.data.pairs import passage_of
from tasks.data.tables import read_table
from tasks.data.tally import cell

EXAMPLE_CHARACTERS = 120


def look_for_leakage(
    *, corpora: Sequence[Path], rows: Sequence[Path], held_out: Path, out: Path, monitor: Monitor
) -> dict[str, float]:
    """Count the documents that contain a test row or a part of one, and the rows that are one.

    Args:
        corpora: tables with columns `document` and `text`.
        rows: tables with a column `text` (and perhaps `second_text`), or with `tokens`.
        held_out: `held_out.parquet` of the labelled data: the identifiers of its test rows.
        out: empty folder for leakage.json.
        monitor: receives the progress.

    Returns:
        `trained_on`: the number of documents and rows searched; `leaking`: those found; `near`:
        others that contain at least half of the shingles of a test row.
    """
    tested, seen, leaking, near, example = HeldOut([held_out]), 0, 0, 0, ""
    for text, found in chain(
        ((row["text"], tested.search(row["document"], row["text"])) for row in _all(corpora)),
        ((text, tested.search("", text, parts=False)) for text in map(_text, _all(rows))),
    ):
        seen += 1
        leaking += bool(found.containing)
        near += bool(found.near)
        if found.containing and not example:
            example = cell(text[:EXAMPLE_CHARACTERS])
        monitor.progress(seen, 0, "documents")
    sentence = verdict(seen, leaking, near, example)
    values = {"sentence": sentence, "leaks": bool(leaking)}
    (out / "leakage.json").write_text(json.dumps(values) + "\n", encoding="utf-8")
    return {"trained_on": float(seen), "leaking": float(leaking), "near": float(near)}


def _text(row: dict[str, Any]) -> str:
    return passage_of(row) if "text" in row else " ".join(row["tokens"])


def _all(tables: Sequence[Path]) -> Iterator[dict[str, Any]]:
    return chain.from_iterable(map(read_table, tables))


def verdict(seen: int, leaking: int, near: int, example: str) -> str:
    """The finding in sentences."""
    more = f" {near:,} others are near a test row: half of its text is in them." if near else ""
    if not leaking:
        return (
            f"None of the {seen:,} documents and rows that it is known to have been trained on "
            f"contains a test row.{more}"
        )
    return (
        f"{leaking:,} of the {seen:,} documents and rows that it is known to have been trained "
        f"on contain a test row or a part of one, such as “{example}”: the results may be too "
        f"good.{more} To leave out documents, pre-train with these data under `held_out`; to "
        "leave out labelled rows, split them with the `split_seed` of the model's own experiment."
    )
