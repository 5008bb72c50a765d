"""How many documents a test split needs, since intervals resample documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.contract import StageError

if TYPE_CHECKING:
    import pandas as pd

# A bootstrap resamples only these documents. From few of them its intervals are too narrow, with
# width zero if every answer is correct.
FEWEST_DOCUMENTS = 10


def count_documents(test: pd.DataFrame) -> int:
    """The number of documents in the test split; intervals need at least two.

    Raises:
        StageError: it has fewer.
    """
    documents = int(test["document"].nunique())
    if documents < 2:
        raise StageError(
            f"the test split has {len(test):,} rows of {documents} document; intervals need at "
            f"least 2, verdicts {FEWEST_DOCUMENTS}. Raise test_share, or add documents to your "
            "test file"
        )
    return documents
