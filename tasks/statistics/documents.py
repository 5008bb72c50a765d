"""How many documents a test split needs: an interval resamples them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.contract import StageError

if TYPE_CHECKING:
    import pandas as pd

# A bootstrap knows no documents but these. From few of them it makes intervals that are too
# narrow, of width zero where every answer is right.
FEWEST_DOCUMENTS = 10


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
