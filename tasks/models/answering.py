"""The rows that models answer, as an evaluation reads them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from tasks.contract import StageError
from tasks.problems import Problem
from tasks.statistics.verdict import FEWEST_DOCUMENTS


def read_rows(kind: Problem, file: Path) -> pd.DataFrame:
    """The columns of a split that the problem has."""
    return pd.read_parquet(file, columns=list(kind.COLUMNS))


def count_documents(test: pd.DataFrame) -> int:
    """Documents in the test split, of which intervals need two.

    Raises:
        StageError: it has fewer.
    """
    documents = int(test["document"].nunique())
    if documents < 2:
        raise StageError(
            f"the test split has {len(test):,} rows of {documents} document; an interval needs at "
            f"least 2 documents, a verdict {FEWEST_DOCUMENTS}: raise test_share, or give more "
            "documents (in the test split, where the data come with their own)"
        )
    return documents
