"""How much a text says, whatever its script."""

from __future__ import annotations

import re

# Han, Kana, Hangul: a character says about as much as three letters of an alphabet.
_DENSE = re.compile(r"[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]")
LETTERS_EACH = 3


def letters(text: str) -> int:
    """The characters of a text, where one of Han, Kana or Hangul counts as three."""
    if text.isascii():
        return len(text)
    return len(text) + (LETTERS_EACH - 1) * len(_DENSE.findall(text))
