"""The nearest spelling."""

from __future__ import annotations

import pytest

from tasks.machinery.naming.spelling import near

PROBLEMS = ("text-classification", "token-classification")


@pytest.mark.parametrize(
    "word, found",
    [
        ("text-clasification", "text-classification"),
        ("Tokn-classification", "token-classification"),
        ("textclassification", "text-classification"),
        ("image-classification", ""),
        ("nothing", ""),
    ],
)
def test_what_is_near_is_near_in_each_part(word: str, found: str) -> None:
    assert near(word, PROBLEMS) == found
