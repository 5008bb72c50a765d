"""Text equality, by two rules.

Two texts are *the same* if they are equal but for blanks and Unicode form (NFC). This rule decides
which documents and rows are duplicates, and which rows are in two splits: `CCO` and `cco` are
different molecules, `फल` and `फूल` different words.

Two texts are *alike* if they have the same letters, marks, digits and symbols, ignoring case,
punctuation and blanks. This rule finds test rows in training data, where a text may be wrapped,
joined or split into tokens in another way; all that it finds is reported.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from hashlib import blake2b
from unicodedata import category
from unicodedata import normalize as unicode_form

# ASCII in lower case, and the characters to delete: blanks, controls and punctuation.
_LOWER = bytes(ord(chr(code).lower()) for code in range(128)) + bytes(range(128, 256))
_BETWEEN = re.compile(r"[\W_]+")
_DELETED = bytes(code for code in range(128) if category(chr(code))[0] in "CPZ")


_AT_ONCE = 1_000_000  # characters: a list of the words of a longer text takes ten times its memory
_BLANK = re.compile(r"\s")


def single_spaced(text: str) -> str:
    """The words of a text with one blank between them."""
    return " ".join(filter(None, (" ".join(part.split()) for part in _parts(text))))


def count_words(text: str) -> int:
    """How many words a text has, by its blanks."""
    return sum(len(part.split()) for part in _parts(text))


def _parts(text: str) -> Iterator[str]:
    """A text in parts that end between words."""
    begin = 0
    while len(text) - begin > _AT_ONCE:
        blank = _BLANK.search(text, begin + _AT_ONCE)
        if blank is None:
            break
        yield text[begin : blank.start()]
        begin = blank.end()
    yield text[begin:] if begin else text


def digest(text: str) -> bytes:
    """Eight bytes that are the same for texts that are the same.

    Among a hundred million texts, any two collide with probability 3e-4.
    """
    joined = single_spaced(text)
    return _digest(joined.encode() if joined.isascii() else unicode_form("NFC", joined).encode())


def content(text: str) -> str:
    """What texts that are alike have in common; the text without blanks if there is nothing."""
    if text.isascii():
        bare = text.encode().translate(_LOWER, _DELETED).decode()
    else:
        folded = unicode_form("NFKC", text).casefold()
        bare = _BETWEEN.sub(lambda match: _marks(match[0]), folded)
    return bare or "".join(text.split())


def digest_of(content: str) -> bytes:
    """Eight bytes that are the same for texts that are alike, from their `content`."""
    return _digest(content.encode())


@functools.lru_cache(maxsize=10_000)
def _marks(between: str) -> str:
    """The marks and symbols of a run of characters that are neither letters nor digits."""
    return "".join(each for each in between if category(each)[0] in "MS")


def _digest(value: bytes) -> bytes:
    return blake2b(value, digest_size=8).digest()


def share(seed: int, name: str) -> float:
    """A number in [0, 1), a function of the seed and a name alone: it chooses a split."""
    key = blake2b(f"{seed}\0{name}".encode(), digest_size=8).digest()
    return int.from_bytes(key, "big") / 2**64
