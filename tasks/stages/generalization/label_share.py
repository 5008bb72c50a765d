"""Stage `label-share`: a part of the training rows, as if fewer had been labelled.

The rows of a smaller share are among those of a larger one (nested), and each label has the same
share of its rows (stratified), but at least one.

It chooses rows and finds nothing, so that it writes no finding.json.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from tasks.contract import Monitor
from tasks.data.chosen_rows import choose_rows
from tasks.data.rows import Example
from tasks.problems import load, shape_of
from tasks.statistics.nested_shares import chosen_share, nested_order

BESIDE = ("validation.parquet", "labels.json")


def choose_share(
    problem: str,
    share: float,
    train_examples: int,
    seed: int,
    *,
    chosen_by: int = 0,
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
        chosen_by: seed of the training, which chooses the `train_examples` rows; the share is of
            these.
        data: folder with train.parquet, validation.parquet and labels.json.
        out: empty folder for the same.
        monitor: receives the progress, and a warning where a row of each label is more than the
            share.

    Returns:
        `examples`: how many rows were chosen.
    """
    shape, texts = shape_of(problem), load(problem).texts
    rows = choose_rows(data / "train.parquet", texts, train_examples, chosen_by)
    examples: list[Example] = rows.to_dict("records")  # type: ignore[assignment]
    names = [f"{row['document']}\n{shape.passage(row)}" for row in examples]
    order, fewest = nested_order([shape.counted(row) for row in examples], names, seed)
    chosen, told = chosen_share(order, fewest, share)
    if told:
        monitor.warn(told)
    rows.iloc[chosen].to_parquet(out / "train.parquet", index=False)
    for name in BESIDE:
        shutil.copyfile(data / name, out / name)
    monitor.progress(len(chosen), len(chosen), "rows")
    return {"examples": float(len(chosen))}
