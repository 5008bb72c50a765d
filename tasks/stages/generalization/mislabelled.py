"""Stage `mislabelled`: rows whose label is probably wrong, as a table to correct.

The field's simple model answers the rows of each fold after training on the others: seconds, and no
row is answered by a model that has seen it. Rows of one document are in one fold; each fold has as
many documents. A label needs a document for each fold: the rows of others are left out, as some
fold would answer them without knowing their label.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.contract import Monitor, StageError
from tasks.data.same_text import share
from tasks.data.tables import write_json
from tasks.models.answering import read_labels
from tasks.problems import PROBABILITIES, Problem, load, load_simple
from tasks.problems.weighted import Floats
from tasks.statistics.confident_learning import Suspects, find_suspects

FOLDS = 5  # one is answered, one chooses the settings of the model, and three train it
SPLITS = ("train", "validation", "test")
MOST_ROWS = 50_000
# A model that is wrong more often says little about labels: hard rows look like wrong ones.
LEAST_ACCURACY = 0.8


def find_mislabelled(
    problem: str, seed: int, *, data: Path, out: Path, monitor: Monitor
) -> dict[str, float]:
    """Find the rows of all splits whose label is probably wrong, by confident learning.

    Args:
        problem: what is predicted: one label for each row.
        seed: of the folds.
        data: folder with train.parquet, validation.parquet, test.parquet and labels.json.
        out: empty folder for mislabelled.csv (split, document, the row, its label, the suggested
            label, the probabilities of both; the most suspicious first) and finding.json.
        monitor: receives the progress.

    Returns:
        Under `mislabelled/`: `rows` (that look so), `test_rows` (of them), `accuracy` (of the
        simple model on rows that it has not seen) and, from LEAST_ACCURACY on, `share` (of all
        labels, an upper estimate). Nothing where fewer than two labels have FOLDS documents: the
        finding says so.

    Raises:
        StageError: the simple model gives no probabilities.
    """
    kind, simple = load(problem), load_simple(problem)
    rows = every_row(kind, data)
    labels, few = enough_documents(rows, kind.TRUTH, read_labels(data))
    if len(labels) < 2:
        write_impossible(kind, labels, few, out)
        return {}
    if few:
        rows = rows[rows[kind.TRUTH].isin(labels)].reset_index(drop=True)
        monitor.warn(unseen(few))
    left_out = len(rows) - MOST_ROWS
    if left_out > 0:
        monitor.warn(f"{left_out:,} rows are not looked at, so that the rest fits into memory")
        rows = rows.sample(MOST_ROWS, random_state=seed).reset_index(drop=True)
    fold = folds_of(list(rows["document"]), seed)
    shares = np.zeros((len(rows), len(labels)))
    for number in range(FOLDS):
        monitor.progress(number, FOLDS, "folds")
        asked, choosing = fold == number, fold == (number + 1) % FOLDS
        train, validation, test = (
            rows[chosen].reset_index(drop=True) for chosen in (~(asked | choosing), choosing, asked)
        )
        answers = simple.answer(train, validation, test.drop(columns=[kind.TRUTH]), labels)
        if not isinstance(answers, pd.DataFrame):
            raise StageError(
                f"the simple model of {problem} gives no probabilities, by which wrong labels are "
                "found: set evaluation.mislabelled to false"
            )
        shares[asked] = np.stack(list(answers[PROBABILITIES]))
    monitor.progress(FOLDS, FOLDS, "folds")
    number_of = {label: i for i, label in enumerate(labels)}
    given = np.array([number_of[label] for label in rows[kind.TRUTH]], dtype=np.int64)
    found = find_suspects(shares, given)
    table = suspects_table(kind, rows, labels, shares, found)
    table.to_csv(out / "mislabelled.csv", index=False)
    accuracy = float((shares.argmax(axis=1) == given).mean())
    counts = Counter(table["split"])
    facts = {
        "rows": f"{len(rows):,} {kind.ROWS}",
        "simple": simple.WORDS,
        "accuracy": accuracy,
        "share": found.share if accuracy >= LEAST_ACCURACY else None,
        "few": few,
        "splits": {split: [counts[split], int((rows["split"] == split).sum())] for split in SPLITS},
        "pairs": [
            [*pair, count]
            for pair, count in Counter(
                zip(table[kind.TRUTH], table["suggested"], strict=True)
            ).most_common(10)
        ],
        "first": table.head(20).astype(object).to_dict("records"),
        "input": kind.INPUT,
        "truth": kind.TRUTH,
        "sentences": [sentence(kind, table, len(rows), found.share, accuracy)],
    }
    write_json(out / "finding.json", facts)
    metrics = {
        "mislabelled/rows": float(len(table)),
        "mislabelled/test_rows": float(counts["test"]),
        "mislabelled/accuracy": accuracy,
    }
    return metrics | ({"mislabelled/share": found.share} if accuracy >= LEAST_ACCURACY else {})


def enough_documents(
    rows: pd.DataFrame, truth: str, labels: Sequence[str]
) -> tuple[list[str], list[str]]:
    """The labels with a document for each fold, and the others, both in their order."""
    documents = rows.groupby(truth)["document"].nunique()
    enough = [label for label in labels if documents.get(label, 0) >= FOLDS]
    return enough, [label for label in labels if label not in enough]


def write_impossible(kind: Problem, enough: Sequence[str], few: Sequence[str], out: Path) -> None:
    """Write a finding without rows: no model would learn each label without the rows it answers."""
    pd.DataFrame(columns=["split", "document", kind.TRUTH]).to_csv(
        out / "mislabelled.csv", index=False
    )
    said = (
        f"too few documents to look for wrong labels: {len(enough)} of {len(enough) + len(few)} "
        f"labels have rows of at least {FOLDS} documents, and two are needed"
    )
    facts: dict[str, Any] = {
        "splits": {},
        "pairs": [],
        "accuracy": None,
        "few": few,
        "sentences": [said],
    }
    write_json(out / "finding.json", facts)


def unseen(few: Sequence[str]) -> str:
    """Which labels have too few documents, in words."""
    named = ", ".join(few[:5]) + (f" and {len(few) - 5:,} more" if len(few) > 5 else "")
    return (
        f"rows that are not looked at: those of labels with fewer than {FOLDS} documents ({named})"
    )


def folds_of(documents: Sequence[str], seed: int) -> NDArray[np.int64]:
    """The fold of each row, by its document; folds differ by at most one document."""
    ordered = sorted(set(documents), key=lambda name: (share(seed, name), name))
    fold = {name: place % FOLDS for place, name in enumerate(ordered)}
    return np.array([fold[name] for name in documents], dtype=np.int64)


def every_row(kind: Problem, data: Path) -> pd.DataFrame:
    """The rows of all splits, each with its split."""
    tables = []
    for split in SPLITS:
        rows = kind.complete(pd.read_parquet(data / f"{split}.parquet"), data, split)
        tables.append(rows.assign(split=split))
    return pd.concat(tables, ignore_index=True)


def suspects_table(
    kind: Problem, rows: pd.DataFrame, labels: Sequence[str], shares: Floats, found: Suspects
) -> pd.DataFrame:
    """The rows that look mislabelled, the most suspicious first."""
    chosen = rows.iloc[found.rows]
    inputs = [name for name in rows.columns if rows[name].map(lambda v: isinstance(v, str)).all()]
    inputs = [name for name in inputs if name not in ("split", "document", kind.TRUTH)]
    columns: dict[str, Any] = {name: list(chosen[name]) for name in ("split", "document", *inputs)}
    numbers = {label: i for i, label in enumerate(labels)}
    own = [numbers[label] for label in chosen[kind.TRUTH]]
    columns[kind.TRUTH] = list(chosen[kind.TRUTH])
    columns["suggested"] = [labels[i] for i in found.suggested]
    columns["probability"] = shares[found.rows, found.suggested].round(4)
    columns["probability_of_label"] = shares[found.rows, own].round(4)
    return pd.DataFrame(columns)


def sentence(kind: Problem, table: pd.DataFrame, rows: int, share_: float, accuracy: float) -> str:
    """How many rows look mislabelled, in words, and how far that can be believed."""
    right = f"which is right about {accuracy:.1%} of the labels"
    if table.empty:
        return f"none of {rows:,} {kind.ROWS} looks mislabelled to the simple model, {right}"
    (label, suggested), count = Counter(
        zip(table[kind.TRUTH], table["suggested"], strict=True)
    ).most_common(1)[0]
    tested = int((table["split"] == "test").sum())
    found = (
        f"{len(table):,} of {rows:,} {kind.ROWS} look mislabelled to the simple model, {right}: "
        f"{tested:,} of them in the test split; most often “{label}” that looks like “{suggested}” "
        f"({count:,})"
    )
    if accuracy < LEAST_ACCURACY:
        return (
            f"{found}; so weak a model cannot tell a wrong label from a hard row, and the share of "
            "wrong labels is not estimated"
        )
    return (
        f"{found}; at most an estimated {share_:.1%} of the labels are wrong, as hard rows count "
        "as wrong labels: correct mislabelled.csv"
    )
