"""The nearest right spelling of a word that is wrong, for messages. Light: plans import it."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path


def near(word: str, accepted: Iterable[str], cutoff: float = 0.6) -> str:
    """The accepted word that is nearest, whatever the case of both, or ""."""
    known = {name.lower(): name for name in accepted}
    found = get_close_matches(word.lower(), known, n=1, cutoff=cutoff)
    return known[found[0]] if found else ""


def nearest(word: str, accepted: Iterable[str]) -> str:
    """`; did you mean X`, or nothing where no accepted word is near."""
    found = near(word, accepted)
    return f"; did you mean {found}" if found else ""


def nearest_path(path: Path) -> str:
    """What to say about a path that is not there: the nearest name, or where it stops to exist."""
    parent = path.parent
    if not parent.is_dir():
        there = next(p for p in parent.absolute().parents if p.is_dir())
        return f" (there is {there}, but not what should be in it)"
    found = near(path.name, [entry.name for entry in parent.iterdir()])
    return f"; did you mean {parent / found}" if found else ""
