"""A look at a file: its format, and its columns with what is in them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from statistics import fmean
from typing import Any

from tasks.contract import StageError
from tasks.data.rows import Column
from tasks.sources.columnar import names_in
from tasks.sources.columns import USUAL
from tasks.sources.delimited import NAMES, mark_of
from tasks.sources.formats import READERS, TABLES, TAGGED
from tasks.sources.lines import File, encoding_of, lines
from tasks.sources.packing import PACKED, packing_of
from tasks.sources.sniffing import format_of

LOOKED_AT = 500  # rows
_NAME = re.compile(r"[A-Za-z_][\w .-]{0,40}")
_SENTENCE = re.compile(r".*\s.*[.!]", re.DOTALL)
FEW = 5  # rows below names with other signs than letters, in which a first label would come again
_WHOLE, _NUMBER = re.compile(r"[-+]?\d{1,18}"), re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
_TYPES = {bool: "yes or no", int: "whole number", float: "number", dict: "object"}


@dataclass(frozen=True)
class Seen:
    """What is in a file, by its first rows.

    Attributes:
        name: of the file.
        form: its format, as an ending.
        facts: what else to know of it, in words: packing, encoding, the mark between cells.
        columns: the values of each column in the first rows; empty for a text.
        numbered: whether the columns are numbers, as there is no header.
    """

    name: str
    form: str
    facts: tuple[str, ...]
    columns: Mapping[str, Sequence[Any]]
    numbered: bool = False


def look(file: File, *, rows: bool) -> Seen:
    """Look at the first rows of a file.

    Args:
        file: the file.
        rows: whether it may have labels.

    Raises:
        StageError: its first rows cannot be read.
    """
    form = format_of(file, rows=rows)
    packing = packing_of(file.path)
    facts = [f"packed by {PACKED[packing]}"] if packing else []
    if form in (".parquet", ".arrow"):
        names = [Column(name) for name in names_in(file)]
        return Seen(file.name, form, tuple(facts), _columns(TABLES[form](file, names)))
    facts.append(encoding_of(file))
    if form in TAGGED:
        both = [Column("tokens"), Column("tags")]
        return Seen(file.name, form, tuple(facts), _columns(READERS[form](file, both)))
    if form in (".csv", ".tsv"):
        return _delimited(file, form, facts)
    if form in TABLES:
        return Seen(file.name, form, tuple(facts), _columns(TABLES[form](file, [Column("text")])))
    return Seen(file.name, form, tuple(facts), {})


def _delimited(file: File, form: str, facts: list[str]) -> Seen:
    mark = mark_of(file, "\t" if form == ".tsv" else ",")
    facts.append(f"separated by {NAMES[mark]}")
    numbered = _numbered(file, form)
    facts.append("without a header" if numbered else "with a header")
    found = numbered or _columns(TABLES[form](file, [Column("text")]))
    return Seen(file.name, form, tuple(facts), found, bool(numbered))


def _numbered(file: File, form: str) -> dict[str, list[Any]]:
    """The columns of a table by their numbers; empty if its first row is a header."""
    try:
        found = _columns(TABLES[form](file, [Column("0", "columns")]))
    except StageError:  # a header; or a wrong row, reported when it is read with one
        return {}
    return found if _is_row([(values[0], values[1:]) for values in found.values()]) else {}


def _is_row(columns: Sequence[tuple[str, Sequence[str]]]) -> bool:
    """Whether the first cells of columns, given with the others, are a row and no header.

    People write anything into a header: `Team (final)`, `What did you like?`. So what tells one is
    that numbers, or much longer texts, stand below it, and that none of its cells comes again.
    """
    usual = {name for names in USUAL.values() for name in names}
    first = [cell.strip() for cell, _ in columns]
    if any(cell.lower() in usual for cell in first):
        return False
    if not all(first) or len(set(first)) < len(first):
        return True
    if any(_NUMBER.fullmatch(cell) or _SENTENCE.fullmatch(cell) for cell in first):
        return True
    if any(cell in rest for cell, rest in columns):
        return True
    numbers = any(rest and all(map(_NUMBER.fullmatch, rest)) for _, rest in columns)
    longer = any(rest and 2 * len(cell) < fmean(map(len, rest)) for cell, rest in columns)
    plain = all(_NAME.fullmatch(cell) for cell in first)
    enough = all(len(rest) >= FEW for _, rest in columns)
    return not (numbers or (longer and (plain or enough)))


def _columns(records: Iterator[tuple[str, Mapping[str, Any]]]) -> dict[str, list[Any]]:
    """The values of each column, in the first rows."""
    found: dict[str, list[Any]] = {}
    for _, values in islice(records, LOOKED_AT):
        for name, value in values.items():
            found.setdefault(name, []).append(value)
    return found


def type_of(values: Sequence[Any]) -> str:
    """What the values of a column are, in words."""
    there = [value for value in values if value not in (None, "")]
    if not there:
        return "empty"
    if all(isinstance(value, list) for value in there):
        inner = [each for value in there for each in value]
        return f"list of {type_of(inner[:LOOKED_AT])}"
    if all(isinstance(value, str) for value in there):
        if all(_WHOLE.fullmatch(value) for value in there):
            return "whole number"
        return "number" if all(_NUMBER.fullmatch(value) for value in there) else "text"
    kinds = {type(value) for value in there}
    return " or ".join(sorted({_TYPES.get(kind, "text") for kind in kinds}))


def first_lines(file: File, count: int = 3) -> list[str]:
    """The first lines of a text that are not blank."""
    with closing(lines(file)) as every:
        return list(islice((line for _, line in every if line.strip()), count))
