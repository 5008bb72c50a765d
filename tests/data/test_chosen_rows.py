"""The rows that are trained on: nested, and independent of the order of the table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from tasks.data.chosen_rows import choose_rows
from tasks.problems import load
from tests.support.tiny_models import write_data


def test_fewer_examples_are_among_more_of_the_same_seed(tmp_path: Path) -> None:
    texts = load("text-classification").texts
    path = write_data(tmp_path / "data", "text-classification") / "train.parquet"
    few, more = choose_rows(path, texts, 20, seed=0), choose_rows(path, texts, 50, seed=0)
    assert more.head(20).equals(few)
    assert not choose_rows(path, texts, 20, seed=1).equals(few)
    everything = choose_rows(path, texts, 0, seed=0)
    assert sorted(everything["text"]) == sorted(pd.read_parquet(path)["text"])
    assert len(choose_rows(path, texts, 1000, seed=0)) == 160


def test_the_choice_does_not_depend_on_the_order_of_the_table(tmp_path: Path) -> None:
    texts = load("token-classification").texts
    path = write_data(tmp_path / "data", "token-classification") / "train.parquet"
    rows, shuffled = pd.read_parquet(path), tmp_path / "other.parquet"
    rows.iloc[np.random.default_rng(0).permutation(len(rows))].to_parquet(shuffled)
    one, other = (choose_rows(each, texts, 30, seed=0) for each in (path, shuffled))
    assert texts(one) == texts(other)
