"""The training rows that an experiment uses of a table: all of them, or some at random."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pandas as pd


def choose_rows(
    path: Path, texts: Callable[[pd.DataFrame], list[str]], most: int, seed: int
) -> pd.DataFrame:
    """The first rows of a table (0: all) in the order of hashes of seed, document, input.

    So 600 examples are among the 1,200 of the same seed, and adding a row to the table does not
    change the order of the others.

    Args:
        path: The table.
        texts: The input of each row as text.
        most: How many rows; 0 for all.
        seed: Another seed, other rows.
    """
    rows = pd.read_parquet(path)
    keys = [
        hashlib.sha256(f"{seed}\n{document}\n{text}".encode()).hexdigest()
        for document, text in zip(rows["document"], texts(rows), strict=True)
    ]
    order = pd.Series(keys).argsort(kind="stable")
    return rows.iloc[order[:most] if most else order].reset_index(drop=True)
