"""The nearest accepted spelling of a word, for messages. Imports are light: plans use it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import SequenceMatcher, get_close_matches
from pathlib import Path


def near(word: str, accepted: Iterable[str], cutoff: float = 0.6) -> str:
    """The nearest accepted word, ignoring case, or "".

    In words of several parts each part must be near: `image-classification` is no misspelt
    `text-classification`.
    """
    known = {name.lower(): name for name in accepted}
    found = get_close_matches(word.lower(), known, n=3, cutoff=cutoff)
    return next((known[name] for name in found if _parts_are_near(word.lower(), name)), "")


def _parts_are_near(word: str, name: str) -> bool:
    one, other = (re.split(r"[-_]", text) for text in (word, name))
    if len(one) != len(other) or len(one) == 1 or " " in name:  # such as the name of a run
        return True
    return all(SequenceMatcher(None, *pair).ratio() >= 0.5 for pair in zip(one, other, strict=True))


def nearest(word: str, accepted: Iterable[str]) -> str:
    """`; did you mean X`, or "" if no accepted word is near."""
    found = near(word, accepted)
    return f"; did you mean {found}" if found else ""


def nearest_path(path: Path) -> str:
    """A hint for a missing path: the nearest name, or its nearest existing parent."""
    parent = path.parent
    if not parent.is_dir():
        there = next(p for p in parent.absolute().parents if p.is_dir())
        return f" ({there} exists, but the rest of the path does not)"
    found = near(path.name, [entry.name for entry in parent.iterdir()])
    return f"; did you mean {parent / found}" if found else ""
