"""Long texts, cut for a table or a message."""

from __future__ import annotations


def cut(text: str, most: int) -> str:
    """The text, or its start with `…`, of limited length."""
    return text if len(text) <= most else f"{text[: most - 1]}…"
