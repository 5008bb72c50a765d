"""Stage `label-share`: a part of the training rows, as if fewer had been labelled.

The rows of a smaller share are among those of a larger one (nested), and each label has the same
share of its rows (stratified), but at least one. Where a row has several labels, it is of the
stratum of its rarest, as the combinations of labels are too many to have a row each.

It chooses rows and finds nothing, so that it writes no finding.json.
"""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from tasks.contract import Monitor
from tasks.data.chosen_rows import choose_rows
from tasks.data.rows import Example, Shape
from tasks.problems import load, shape_of

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
    order, fewest = nested_order(shape, examples, seed)
    wanted = round(share * len(rows))
    if wanted < fewest:
        monitor.warn(
            f"{100 * share:g} % of {len(rows):,} training rows are {wanted:,}, but a row of each "
            f"label needs {fewest:,}: so many are taken"
        )
    chosen = sorted(order[: max(wanted, fewest, 1)])
    rows.iloc[chosen].to_parquet(out / "train.parquet", index=False)
    for name in BESIDE:
        shutil.copyfile(data / name, out / name)
    monitor.progress(len(chosen), len(chosen), "rows")
    return {"examples": float(len(chosen))}


def nested_order(shape: Shape, rows: Sequence[Example], seed: int) -> tuple[list[int], int]:
    """All rows in an order whose beginnings have each label in its share.

    Returns:
        The order; and how many rows at its beginning have each label at least once.
    """
    strata: dict[str, list[tuple[str, int]]] = defaultdict(list)
    labels = [sorted(set(shape.counted(row))) for row in rows]
    counts = Counter(label for each in labels for label in each)
    for number, row in enumerate(rows):
        text = f"{seed}\n{row['document']}\n{shape.passage(row)}"
        rarest = min(labels[number], key=lambda label: (counts[label], label), default="")
        strata[rarest].append((hashlib.sha256(text.encode()).hexdigest(), number))
    placed = sorted(
        ((place + 0.5) / len(members), key, number)
        for members in strata.values()
        for place, (key, number) in enumerate(sorted(members))
    )
    seen, first, later = set[str](), list[int](), list[int]()
    for *_, number in placed:
        (later if seen.issuperset(labels[number]) else first).append(number)
        seen.update(labels[number])
    return [*first, *later], len(first)
