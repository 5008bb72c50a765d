r"""Text from people and data in Markdown: the one place where it is escaped.

Pages are shown by Prefect, MLflow and the terminal, whose readers of Markdown differ. MLflow's does
not know `\<`, so what begins HTML is written as an entity, which all of them know.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_SPECIAL = re.compile(r"[\\`*_{}\[\]#|~&<>]")
# An interval is no link, and easier to read as it is: `53.4 % [51.0, 55.9]`.
_INTERVAL = re.compile(r"\[[-+–\d][-+–\d., e%]*\](?![(\[:])")
# Control characters (also those of a terminal), and those that turn the direction of what follows.
_INVISIBLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def escaped(text: str) -> str:
    """Text that Markdown shows as it is, on one line; it never becomes a link, HTML or a cell."""
    line = visible(" ".join(text.split()))
    parts, end = [], 0
    for interval in _INTERVAL.finditer(line):
        parts += [_SPECIAL.sub(_replace, line[end : interval.start()]), interval.group()]
        end = interval.end()
    return "".join([*parts, _SPECIAL.sub(_replace, line[end:])])


def visible(text: str) -> str:
    """Text without control characters, but for tabs and ends of lines: `�` stands for each."""
    return _INVISIBLE.sub("\N{REPLACEMENT CHARACTER}", text)


def escaped_rows(rows: Iterable[Mapping[str, object]]) -> list[dict[str, object]]:
    """Rows for a table of Prefect, which reads each text in it as Markdown."""
    return [
        {name: escaped(value) if isinstance(value, str) else value for name, value in row.items()}
        for row in rows
    ]


def _replace(found: re.Match[str]) -> str:
    return _ENTITIES.get(found.group(), f"\\{found.group()}")
