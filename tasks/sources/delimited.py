"""Tables whose cells are separated by a mark: commas, tabs, semicolons, bars.

The mark is that of the ending, `,` for .csv and a tab for .tsv, unless the first lines have equally
many cells with another one alone.
"""

from __future__ import annotations

import csv
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from itertools import islice
from typing import Any

from tasks.contract import StageError
from tasks.data.rows import Column
from tasks.sources.columns import by_number, listed, require
from tasks.sources.lines import File, lines

Record = tuple[str, Mapping[str, Any]]

MARKS = ("\t", ",", ";", "|")
NAMES = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "bars (|)"}
_LOOKED_AT = 20  # lines
_RETURN = (
    "a carriage return outside of quotes, with no line break after it. If every line ends so (old "
    "Mac): tr '\\r' '\\n' < {0} > converted-{0}"
)
# A document in a cell may be longer than the 128 kB that `csv` accepts by default.
csv.field_size_limit(min(sys.maxsize, 2**31 - 1))


def comma_separated(file: File, columns: Sequence[Column]) -> Iterator[Record]:
    """The rows of a .csv file; every cell is text."""
    return _separated(file, columns, mark_of(file, ","))


def tab_separated(file: File, columns: Sequence[Column]) -> Iterator[Record]:
    """The rows of a .tsv file; every cell is text."""
    return _separated(file, columns, mark_of(file, "\t"))


def mark_of(file: File, usual: str) -> str:
    """The mark between the cells of a file, from its first lines; `usual` where these are odd."""
    with closing(lines(file)) as every:
        sample = list(islice((line for _, line in every if line.strip()), _LOOKED_AT))
    return usual if not sample or _fits(usual, sample) else mark_in(sample, usual)


def mark_in(sample: Sequence[str], usual: str = "") -> str:
    """The mark with which lines have equally many cells, at least two; `usual` if none is."""
    return next((mark for mark in MARKS if _fits(mark, sample)), usual)


def _fits(mark: str, sample: Sequence[str]) -> bool:
    """Whether lines have equally many cells: each line, or each row if cells have line breaks."""
    try:
        for_each = {len(next(csv.reader([line], delimiter=mark), [])) for line in sample}
        rows = csv.reader([f"{line}\n" for line in sample], delimiter=mark)
        together = [len(row) for row in rows]
    except csv.Error:  # a carriage return within a line, reported where the rows are read
        return False
    whole = set(together)
    if len(together) < len(sample):  # cells have line breaks, and the last row may be cut off
        whole = set(together[:-1])
    return any(len(widths) == 1 and min(widths) > 1 for widths in (for_each, whole))


def _separated(file: File, columns: Sequence[Column], mark: str) -> Iterator[Record]:
    return _of_tabs(file, columns) if mark == "\t" else _of_csv(file, columns, mark)


def _of_csv(file: File, columns: Sequence[Column], mark: str) -> Iterator[Record]:
    """The rows of a file in which cells may be in double quotes, also with line breaks."""
    reader = csv.reader((line + "\n" for _, line in lines(file)), strict=True, delimiter=mark)
    header: list[str] = []
    where = f"{file.name}, line 1"
    try:
        for cells in reader:
            if not header and not any(cell.strip() for cell in cells):
                pass  # blank lines before the header
            elif not header:
                header, is_row = _begin(cells, columns, where)
                if is_row:
                    yield where, dict(zip(header, cells, strict=True))
            elif cells and len(cells) != len(header):
                raise StageError(
                    f"{where}: {len(cells)} cells, but the {_first(header)} has {len(header)} "
                    f"({listed(header)}); a cell with {_a(mark)} must be in double quotes"
                )
            elif cells:
                yield where, dict(zip(header, cells, strict=True))
            where = f"{file.name}, line {reader.line_num + 1}"
    except csv.Error as error:
        said = _RETURN.format(file.path.name) if "new-line" in str(error) else str(error)
        raise StageError(f"{where}: not valid CSV: {said}") from None


def _of_tabs(file: File, columns: Sequence[Column]) -> Iterator[Record]:
    """The rows of a file with a row a line, tabs between cells.

    A quote is a character, as GLUE's files have it, unless a cell is in quotes whole, with those
    inside it doubled, as spreadsheets write it.
    """
    header: list[str] = []
    for number, line in lines(file):
        where = f"{file.name}, line {number}"
        if not line.strip():
            continue
        cells = [_unquoted(cell) for cell in line.split("\t")]
        if not header:
            header, is_row = _begin(cells, columns, where)
            if is_row:
                yield where, dict(zip(header, cells, strict=True))
        elif len(cells) != len(header):
            raise StageError(
                f"{where}: {len(cells)} cells, but the {_first(header)} has {len(header)} "
                f"({listed(header)}); a cell of a .tsv file can contain neither a tab nor a "
                "line break (a .csv file can)"
            )
        else:
            yield where, dict(zip(header, cells, strict=True))


def _unquoted(cell: str) -> str:
    inside = cell[1:-1]
    if len(cell) > 1 and cell[0] == cell[-1] == '"' and '"' not in inside.replace('""', ""):
        return inside.replace('""', '"')
    return cell


def _first(header: Sequence[str]) -> str:
    """The word for the row that says how many cells a row has."""
    return "first row" if header[0] == "0" else "header"


def _a(mark: str) -> str:
    return {",": "a comma", ";": "a semicolon", "|": "a bar"}[mark]


def _begin(cells: list[str], columns: Sequence[Column], where: str) -> tuple[list[str], bool]:
    """The names of the columns by the first row, and whether that is a row and no header.

    Raises:
        StageError: the header has a name twice, or lacks a column.
    """
    if numbers := by_number(columns, cells, where):
        return numbers, True
    header = [cell.strip() for cell in cells]
    twice = sorted(name for name, count in Counter(header).items() if count > 1)
    if twice:
        raise StageError(f"{where}: the header names a column twice: {listed(map(repr, twice))}")
    of_command = any(column.field.startswith("--") for column in columns)
    require(columns, header, where, "" if of_command else _ABOUT_HEADERS)
    return header, False


_ABOUT_HEADERS = (
    "A file without a header is read with the numbers of its columns, from 0: "
    "columns: {text: 1, label: 0}"
)
