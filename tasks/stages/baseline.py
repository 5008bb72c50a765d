"""Stage `baseline`: the answers of the field's simple model, trained on the same rows.

A model with millions of weights is worth what it gains over a linear one on counted words. Each
problem says in `simple.py` which model that is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from tasks.contract import Monitor
from tasks.data.chosen_rows import choose_rows
from tasks.data.tables import write_json
from tasks.models.answering import read_labels
from tasks.problems import load, load_simple
from tasks.problems.weighted import on_all_rows

MOST_ROWS = 50_000


def train_baseline(
    problem: str,
    train_examples: int,
    seed: int,
    *,
    data: Path,
    out: Path,
    monitor: Monitor,
) -> dict[str, float]:
    """Train the simple model of a problem, and answer the test split with it.

    Args:
        problem: what is predicted.
        train_examples: labelled examples to train on; 0 for all; at most MOST_ROWS.
        seed: seed of the choice of rows, as in fine-tuning: the rows are the same.
        data: folder with train.parquet, validation.parquet, test.parquet and labels.json.
        out: empty folder for answers.parquet (document and answer of each test row, in order, and
            what further metrics need) and baseline.json (the model in words, and the labels in the
            order of its probabilities).
        monitor: receives the progress.

    Returns:
        `examples`, and the headline metric on the test split.
    """
    kind, simple = load(problem), load_simple(problem)
    labels = read_labels(data)
    rows = choose_rows(data / "train.parquet", kind.texts, train_examples, seed)
    rows = kind.complete(rows, data, "train")
    if len(rows) > MOST_ROWS:
        monitor.say(
            f"the simple model is trained on {MOST_ROWS:,} of {len(rows):,} {kind.ROWS}, so that "
            "it fits into memory"
        )
        rows = rows.head(MOST_ROWS)
    validation, test = (
        kind.complete(pd.read_parquet(data / f"{name}.parquet"), data, name)
        for name in ("validation", "test")
    )
    monitor.progress(0, len(rows), kind.ROWS)
    asked = test if getattr(simple, "READS_TRUTH", False) else test.drop(columns=[kind.TRUTH])
    answers = as_table(simple.answer(rows, validation, asked, labels))
    monitor.progress(len(rows), len(rows), kind.ROWS)
    answers.insert(0, "document", list(test["document"]))
    answers.to_parquet(out / "answers.parquet", index=False)
    words = answers.attrs.get("words", simple.WORDS)
    write_json(out / "baseline.json", {"words": words, "labels": labels})
    scores = kind.score(test[kind.TRUTH], answers["predicted"], labels)
    headline = on_all_rows(scores)[kind.HEADLINE]
    return {"examples": float(len(rows)), kind.HEADLINE: headline}


def as_table(answers: list[Any] | pd.DataFrame) -> pd.DataFrame:
    """Answers as a table with the column `predicted`."""
    return answers if isinstance(answers, pd.DataFrame) else pd.DataFrame({"predicted": answers})
