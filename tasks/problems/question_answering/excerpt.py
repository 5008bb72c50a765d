"""A question and the place in its text that matters, for a page."""

from __future__ import annotations

from tasks.data.pairs import BETWEEN

BEFORE = 60  # characters


def excerpt(question: str, text: str, start: int) -> str:
    """The question, and the text from a little before a character on."""
    begin = max(0, start - BEFORE)
    return f"{question}{BETWEEN}{'…' if begin else ''}{text[begin:]}"
