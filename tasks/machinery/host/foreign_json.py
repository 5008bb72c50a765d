"""Texts and JSON from elsewhere: read within a bound of memory, and refused with file and line."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from tasks.contract import StageError
from tasks.machinery.naming.cut import cut

MOST_BYTES = 100 * 10**6  # the largest tokenizers of the Hub have a third of that


def read_foreign_text(file: Path, where: str, encoding: str = "utf-8") -> str:
    """The content of a text file, line ends as they are.

    Args:
        file: the file.
        where: its name for messages.
        encoding: `utf-8-sig` accepts a byte order mark.

    Raises:
        StageError: it is too large, or not UTF-8.
    """
    with file.open("rb") as opened:
        found = opened.read(MOST_BYTES + 1)
    if len(found) > MOST_BYTES:
        raise StageError(f"{where}: more than {MOST_BYTES:,} bytes; accepted: at most that")
    try:
        return found.decode(encoding)
    except UnicodeDecodeError as error:
        raise StageError(f"{where}: not UTF-8 at byte {error.start}") from None


def read_foreign_json(file: Path, where: str, encoding: str = "utf-8") -> Any:
    """The content of a JSON file.

    Args:
        file: the file.
        where: its name for messages.
        encoding: `utf-8-sig` accepts a byte order mark.

    Raises:
        StageError: it is too large, not UTF-8, not JSON, nested too deep, or has a key twice in an
            object.
    """
    text = read_foreign_text(file, where, encoding)
    try:
        return decoded(text)
    except json.JSONDecodeError as error:
        raise StageError(f"{where}, line {error.lineno}: not valid JSON: {error.msg}") from None
    except RecursionError:
        raise StageError(f"{where}: nested too deep: lists in lists without end") from None
    except RepeatedKeyError as error:  # readers differ in which value they keep
        raise StageError(f"{where}: {error}") from None
    except ValueError as error:  # a number of thousands of digits
        raise StageError(f"{where}: not valid JSON: {error}") from None


class RepeatedKeyError(ValueError):
    """A key is given twice in an object of JSON."""


def decoded(text: str) -> Any:
    """The value of a text in JSON that people write: no key twice in an object.

    Raises:
        ValueError: it is not JSON; RepeatedKeyError: one is, and other readers keep the last value.
        RecursionError: it is nested too deep.
    """
    return _DECODER.decode(text)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        times = Counter(name for name, _ in pairs)  # of a vocabulary, hundreds of thousands
        key = next(name for name in found if times[name] > 1)
        first, second, *_ = [cut(repr(value), 40) for name, value in pairs if name == key]
        raise RepeatedKeyError(
            f"the key {cut(repr(key), 40)} is twice in an object, with {first} and {second}; keep "
            "one"
        )
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=_once)
