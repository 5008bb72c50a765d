"""What is said of a column that is not there."""

from __future__ import annotations

import pytest

from tasks.contract import StageError
from tasks.data.rows import Column
from tasks.sources.columns import require


def test_a_column_that_differs_in_the_form_of_unicode_alone_is_told() -> None:
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    with pytest.raises(StageError, match="the same signs in another Unicode form"):
        require([Column(decomposed, "columns.text")], [composed, "label"], "t.csv, line 1")
    with pytest.raises(StageError) as caught:
        require([Column("cafes", "columns.text")], [composed], "t.csv, line 1")
    assert "Unicode" not in str(caught.value)
