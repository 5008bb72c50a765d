"""A title is read back as it was written."""

from __future__ import annotations

import pytest

from tasks.machinery.naming.title import Title, from_scratch, with_seed


@pytest.mark.parametrize(
    ("text", "problem", "is_of_reference"),
    [
        ("corpus", "", False),
        ("evaluation library", "library", False),
        ("finetuning library from scratch", "library", True),
        ("finetuning library from start", "library", True),
        ("finetuning library seed 12", "library", True),
        ("finetuning library from scratch seed 12", "library", True),
    ],
)
def test_a_title_is_read_back_as_it_was_written(text, problem, is_of_reference):
    title = Title.parse(text)
    assert str(title) == text
    assert (title.problem, title.is_of_reference) == (problem, is_of_reference)


def test_a_title_is_written_from_its_parts():
    assert str(Title("pretraining")) == "pretraining"
    assert str(Title("finetuning", from_scratch("mood"))) == "finetuning mood from scratch"
    again = with_seed(from_scratch("mood"), 3)
    assert str(Title("finetuning", again)) == "finetuning mood from scratch seed 3"
