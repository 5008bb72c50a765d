"""Planted near-duplicates of test rows are found, and the result is measured without them."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pandas as pd
import pytest

from tasks.contract import Silent
from tasks.pages.generalization import near_duplicates_card
from tasks.stages.generalization.near_duplicates import find_near_duplicates
from tests.stages.generalization.conftest import PROBLEM
from tests.support.shown import shown

ROWS = 60


def texts(seed: int, rows: int) -> pd.DataFrame:
    """Rows of long texts of words that no two have in common."""
    draw = random.Random(seed)
    words = [
        " ".join("".join(draw.choices("abcdefghijklmnop", k=6)) for _ in range(40))
        for _ in range(rows)
    ]
    documents = [f"{seed}-{number}" for number in range(rows)]
    return pd.DataFrame({"document": documents, "text": words, "label": ["a", "b"] * (rows // 2)})


def write(folder: Path, *, planted: int) -> None:
    """Splits of which some test rows are in a training row but for two words; a model that is
    right about these alone."""
    train, validation, test = texts(1, 100), texts(2, 20), texts(3, ROWS)
    near = [f"zyxwvu {text.rpartition(' ')[0]} zyxwvu" for text in test["text"][:planted]]
    train.loc[: planted - 1, "text"] = near
    for name, table in (("train", train), ("validation", validation), ("test", test)):
        table.to_parquet(folder / f"{name}.parquet")
    right = [number < planted or number % 3 == 0 for number in range(ROWS)]
    answers = pd.DataFrame({"document": test["document"], "gold": test["label"]})
    other = test["label"].map({"a": "b", "b": "a"})
    answers["predicted"] = test["label"].where(right, other)
    answers.to_parquet(folder / "predictions.parquet")
    (folder / "classes.json").write_text(json.dumps({"report": {"class": ["a", "b"]}}))


def run(folder: Path) -> tuple[dict[str, float], Path]:
    out = folder / "out"
    out.mkdir()
    metrics = find_near_duplicates(
        PROBLEM, 200, 0.95, 0, data=folder, evaluation=folder, out=out, monitor=Silent()
    )
    return metrics, out


def test_the_planted_rows_and_no_others_are_found(tmp_path: Path) -> None:
    write(tmp_path, planted=6)
    metrics, out = run(tmp_path)
    table = pd.read_csv(out / "near_duplicates.csv")
    tested = pd.read_parquet(tmp_path / "test.parquet")["text"]
    assert sorted(table["test_row"]) == sorted(tested[:6])
    assert (table["share"] > 0.8).all()
    assert set(table["split"]) == {"train"}
    assert metrics["near_duplicates"] == 6
    assert metrics["without_near/accuracy"] == pytest.approx(18 / 54)
    page = shown(near_duplicates_card.show, out)
    assert "6 of 60 test rows have at least half of their text" in (page / "card.md").read_text()
    assert (page / "near_duplicates.csv").is_file()


def test_that_there_are_none_is_said(tmp_path: Path) -> None:
    write(tmp_path, planted=0)
    metrics, out = run(tmp_path)
    assert metrics["near_duplicates"] == 0
    assert metrics["without_near/accuracy"] == pytest.approx(1 / 3)
    assert "No test row of 60" in (shown(near_duplicates_card.show, out) / "card.md").read_text()
