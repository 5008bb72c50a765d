"""The rows that models answer, as an evaluation reads them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from tasks.problems import Problem


def read_rows(kind: Problem, file: Path) -> pd.DataFrame:
    """The columns of a split that the problem has."""
    return pd.read_parquet(file, columns=list(kind.COLUMNS))
