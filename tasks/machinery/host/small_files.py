"""Small files of state in JSON, all read here.

A power cut, a full disk or an editor may leave such a file empty, garbled, or with other content
than ours. Then no later run may fail: the file is renamed to `NAME.unreadable`, which is reported
with its path and what is lost, and whoever writes the file writes it again.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

LOGGER = logging.getLogger(__name__)

ASIDE = ".unreadable"

Content = TypeVar("Content")

# What reading and checking raise for content that is not ours. A file that cannot be opened is
# another matter (no permission, too many open files): it may be in order, and stays.
_WRONG = (ValueError, TypeError, KeyError, AttributeError, RecursionError, IsADirectoryError)


def read_small(file: Path, check: Callable[[Any], Content], lost: str) -> Content | None:
    """The content of a small file; None if there is none, or if it was set aside.

    Args:
        file: a file of JSON that `write_atomically` wrote.
        check: makes the content of the JSON value; raises ValueError, TypeError or KeyError if it
            is not ours.
        lost: what is lost with the file, and what follows, for the report.

    Raises:
        OSError: it exists and cannot be opened.
    """
    try:
        number = file.stat().st_ino
        return check(json.loads(file.read_bytes()))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except _WRONG as problem:
        _set_aside(file, number, problem, lost)
        return None


def _set_aside(file: Path, number: int, problem: Exception, lost: str) -> None:
    aside = file.with_name(file.name + ASIDE)
    try:
        if file.stat().st_ino != number:  # another process has written it again
            return
        file.replace(aside)
        done = f"it is set aside as {aside.name}"
    except FileNotFoundError:  # another process has set it aside
        return
    except OSError as refusal:
        done = f"it cannot be set aside ({refusal.strerror}): delete it"
    report(f"{file} cannot be read ({_words(problem)}); {done}. {lost}")


def _words(problem: Exception) -> str:
    """What is wrong with a file, in a few words."""
    if isinstance(problem, IsADirectoryError):
        return "a folder"
    if isinstance(problem, json.JSONDecodeError) and not problem.doc:
        return "it is empty"
    if isinstance(problem, UnicodeDecodeError):
        return "not UTF-8"
    if isinstance(problem, json.JSONDecodeError | RecursionError):
        return "not valid JSON"
    return "not what Temper writes there"


def report_by(say: Callable[[str], None]) -> None:
    """Report what is set aside or left out by this function from now on, not in the log."""
    global _say  # noqa: PLW0603  (a file is read far from where its reader knows a terminal)
    _say = say


def report(text: str) -> None:
    """Report that something of the state cannot be read."""
    _say(text)


_say: Callable[[str], None] = LOGGER.warning
