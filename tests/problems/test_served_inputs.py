"""Inputs of a served model that lack a text are refused: they would be read as `None`.

Of a list without column names MLflow makes texts itself, before the model sees them.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from tasks.problems.generation.served import prompts_of
from tasks.problems.question_answering.served import rows_of
from tasks.problems.token_classification.served import texts_of

MISSING = [None, float("nan"), pd.NA, ["a", "list"]]


@pytest.mark.parametrize("missing", MISSING)
def test_words(missing: Any) -> None:
    with pytest.raises(ValueError, match="row 2 has no text; accepted: words separated by blanks"):
        texts_of(["one", missing])
    with pytest.raises(ValueError, match="row 1 has no text"):
        texts_of(pd.DataFrame({"text": [missing]}))
    assert texts_of(["one", 2]) == ["one", "2"]


@pytest.mark.parametrize("missing", MISSING)
def test_prompts(missing: Any) -> None:
    with pytest.raises(ValueError, match="row 2 has no prompt; accepted: texts, or a column"):
        prompts_of(pd.DataFrame({"prompt": ["one", missing]}))
    assert prompts_of(["one", "two"]) == ["one", "two"]


@pytest.mark.parametrize("missing", MISSING)
@pytest.mark.parametrize("name", ["question", "text"])
def test_questions(name: str, missing: Any) -> None:
    row: dict[str, Any] = {"question": "Who?", "text": "Ada."}
    with pytest.raises(ValueError, match=f"row 2 has no {name}; accepted: question and text"):
        rows_of([row, row | {name: missing}])
    assert rows_of([row]) == [["Who?", "Ada."]]
