"""The words of a text, for labels of words: what is between blanks.

In scripts that are written without blanks (Chinese, Japanese, Thai, Lao, Burmese, Khmer) each
character is a word, with the marks that stand on it.
"""

from __future__ import annotations

import re
from unicodedata import category

_BETWEEN_BLANKS = re.compile(r"\S+")
_WITHOUT_BLANKS = re.compile(
    r"[\u2e80-\u2fff\u3005-\u3007\u3040-\u312f\u3190-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]"
)


def places_of_words(text: str) -> list[tuple[int, int]]:
    """The first and the last-plus-one character of each word."""
    return [
        place
        for match in _BETWEEN_BLANKS.finditer(text)
        for place in _parts(text, match.start(), match.end())
    ]


def words_in(text: str) -> list[str]:
    """The words."""
    return [text[start:end] for start, end in places_of_words(text)]


def _parts(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """The words in what is between two blanks."""
    if not _WITHOUT_BLANKS.search(text, start, end):
        return [(start, end)]
    cuts = [start]
    for place in range(start + 1, end):
        if category(text[place])[0] != "M" and _is_alone(text, start, place):
            cuts.append(place)
    return list(zip(cuts, [*cuts[1:], end], strict=True))


def _is_alone(text: str, start: int, place: int) -> bool:
    """Whether a character begins a word: it is one, or the one before it is, with its marks."""
    before = place - 1
    while before > start and category(text[before])[0] == "M":
        before -= 1
    return bool(_WITHOUT_BLANKS.match(text[place]) or _WITHOUT_BLANKS.match(text[before]))
