"""Stage `leakage` of an experiment on images: whether a model was trained on test pictures.

As on text: a whole experiment leaves the pictures of its test splits out of pre-training, but a
given model was trained without regard to them. Copies are told by the hash of stage `images`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tasks.contract import Monitor
from tasks.data.tables import read_table, write_json


def look_for_pictures(
    *, trained: Sequence[Path], held_out: Path, out: Path, monitor: Monitor
) -> dict[str, float]:
    """Count the pictures that a model was trained on which are test pictures.

    Args:
        trained: `keys.parquet` of the data of each training, as stage `images` writes it.
        held_out: `held_out.parquet` of the labelled data: the hashes of its test pictures.
        out: empty folder for leakage.json.
        monitor: receives the progress.

    Returns:
        `trained_on`: the pictures that are searched; `leaking`: those found.
    """
    tested = {row["key"] for row in read_table(held_out)}
    seen, leaking, examples = 0, 0, list[str]()
    for table in trained:
        for row in read_table(table):
            if row["split"] != "train":
                continue
            seen += 1
            if row["key"] in tested:
                leaking += 1
                examples.append(row["image"])
        monitor.progress(seen, 0, "pictures")
    write_json(
        out / "leakage.json",
        {"sentence": verdict(seen, leaking, examples[:1]), "leaks": bool(leaking)},
    )
    return {"trained_on": float(seen), "leaking": float(leaking)}


def verdict(seen: int, leaking: int, examples: Sequence[str]) -> str:
    """The finding in sentences."""
    known = f"the {seen:,} pictures that it is known to have been trained on"
    if not leaking:
        return f"None of {known} is a copy of a test picture."
    return (
        f"{leaking:,} of {known} are copies of test pictures, such as “{examples[0]}”: the results "
        "may be too good. To leave them out, pre-train it in an experiment with these problems, or "
        "split the pictures with the `split_seed` of the model's own experiment."
    )
