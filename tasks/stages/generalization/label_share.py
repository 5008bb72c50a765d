"""Stage `label-share`: a part of the training rows, as if fewer had been labelled.

The rows of a smaller share are among those of a larger one (nested), and each label has the same
share of its rows (stratified), but at least one.
"""

from __future__ import annotations

import hashlib
import shutil
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from tasks.contract import Monitor
from tasks.data.rows import Example, Shape
from tasks.problems import shape_of

BESIDE = ("validation.parquet", "labels.json")


def choose_share(
    problem: str,
    share: float,
    train_examples: int,
    seed: int,
    *,
    data: Path,
    out: Path,
    monitor: Monitor,
) -> dict[str, float]:
    """Write a share of the training rows, and the validation rows as they are.

    Args:
        problem: what is predicted.
        share: of the rows that are trained on otherwise.
        train_examples: how many these are; 0 for all.
        seed: of the choice, apart from that of the training.
        data: folder with train.parquet, validation.parquet and labels.json.
        out: empty folder for the same.
        monitor: receives the progress.

    Returns:
        `examples`: how many rows were chosen.
    """
    shape = shape_of(problem)
    rows = pd.read_parquet(data / "train.parquet")
    examples: list[Example] = rows.to_dict("records")  # type: ignore[assignment]
    order = nested_order(shape, examples, seed)
    number = min(train_examples, len(rows)) if train_examples else len(rows)
    strata = len({_stratum(shape, row) for row in examples})
    chosen = sorted(order[: max(round(share * number), min(strata, number))])
    rows.iloc[chosen].to_parquet(out / "train.parquet", index=False)
    for name in BESIDE:
        shutil.copyfile(data / name, out / name)
    monitor.progress(len(chosen), len(chosen), "rows")
    return {"examples": float(len(chosen))}


def nested_order(shape: Shape, rows: Sequence[Example], seed: int) -> list[int]:
    """All rows in an order whose beginnings have each label in its share, the first ones once."""
    strata: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for number, row in enumerate(rows):
        text = f"{seed}\n{row['document']}\n{shape.passage(row)}"
        strata[_stratum(shape, row)].append((hashlib.sha256(text.encode()).hexdigest(), number))
    placed = [
        (place > 0, (place + 0.5) / len(members), key, number)
        for members in strata.values()
        for place, (key, number) in enumerate(sorted(members))
    ]
    return [number for *_, number in sorted(placed)]


def _stratum(shape: Shape, row: Example) -> str:
    """The label of a row; the labels where it has several; empty where answers are no labels."""
    return "\0".join(sorted(set(shape.counted(row))))
