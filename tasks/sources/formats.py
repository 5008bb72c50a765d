"""File formats, read row by row in constant memory; mistakes are reported with their line.

Text, JSON lines and CSV are read by the standard library and Parquet by pyarrow, not by `datasets`:
its readers guess types (a label "None" becomes a missing value, "007" a number, differently in each
block), report few line numbers, and leave a cache behind. All readers yield (where, values), with
`where` such as `train.csv, line 12`.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from tasks.contract import StageError
from tasks.data.rows import Column, Document
from tasks.machinery.naming.cut import cut
from tasks.machinery.naming.spelling import nearest
from tasks.sources.conll import conll
from tasks.sources.lines import File, disguised, lines

Record = tuple[str, Mapping[str, Any]]

_READ_BYTES = 1 << 20  # bytes of a Parquet column read at a time, independent of its row groups
# A document in a cell may be longer than the 128 kB that `csv` accepts by default.
csv.field_size_limit(min(sys.maxsize, 2**31 - 1))


def documents(file: File, unit: str) -> Iterator[Document]:
    """The documents of a text file: the file, its blocks between blank lines, or its lines."""
    block: list[str] = []
    start = 1
    for number, line in lines(file):
        if line.strip() or unit == "file":
            start = start if block else number
            block.append(line)
        if block and (unit == "line" or (unit == "paragraph" and not line.strip())):
            yield Document(f"{file.name}:{start}", "\n".join(block))
            block = []
    if block:
        yield Document(file.name if unit == "file" else f"{file.name}:{start}", "\n".join(block))


def json_lines(file: File, columns: Sequence[Column]) -> Iterator[Record]:
    """The objects of a file with one JSON object per line; blank lines are skipped."""
    for number, line in lines(file):
        if not line.strip():
            continue
        where = f"{file.name}, line {number}"
        try:
            values = json.loads(line)
        except (ValueError, RecursionError) as error:  # also a number of too many digits
            column = f" (column {error.colno})" if isinstance(error, json.JSONDecodeError) else ""
            raise StageError(
                f"{where}: not valid JSON{column}: {_shown(line)}; each line must be a JSON object"
            ) from None
        if not isinstance(values, dict):
            raise StageError(
                f"{where}: {_shown(line)} is not a JSON object like "
                f'{{"{columns[0].name}": "…"}}; each line must be one'
            )
        require(columns, list(values), where)
        yield where, values


def comma_separated(file: File, columns: Sequence[Column]) -> Iterator[Record]:
    """The rows of a CSV file whose first line names the columns; every cell is text."""
    reader = csv.reader((line + "\n" for _, line in lines(file)), strict=True)
    header: list[str] = []
    where = f"{file.name}, line 1"
    try:
        for cells in reader:
            if not header and not any(cell.strip() for cell in cells):
                pass  # blank lines before the header
            elif not header:
                header = _header(cells, columns, where, ";\t|")
            elif cells and len(cells) != len(header):
                raise StageError(
                    f"{where}: {len(cells)} cells, but the header has {len(header)} "
                    f"({', '.join(header)}); a cell with a comma must be in double quotes"
                )
            elif cells:
                yield where, dict(zip(header, cells, strict=True))
            where = f"{file.name}, line {reader.line_num + 1}"
    except csv.Error as error:
        raise StageError(f"{where}: not valid CSV: {error}") from None


def tab_separated(file: File, columns: Sequence[Column]) -> Iterator[Record]:
    """The rows of a file whose first line names the columns: a row a line, tabs between cells.

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
            header = _header(cells, columns, where, ";,|")
        elif len(cells) != len(header):
            raise StageError(
                f"{where}: {len(cells)} cells, but the header has {len(header)} "
                f"({', '.join(header)}); a cell of a .tsv file can contain neither a tab nor a "
                "line break (a .csv file can)"
            )
        else:
            yield where, dict(zip(header, cells, strict=True))


def _unquoted(cell: str) -> str:
    inside = cell[1:-1]
    if len(cell) > 1 and cell[0] == cell[-1] == '"' and '"' not in inside.replace('""', ""):
        return inside.replace('""', '"')
    return cell


def _header(cells: list[str], columns: Sequence[Column], where: str, others: str) -> list[str]:
    """The names of the columns; `others` are separators of other formats, for a message."""
    header = [cell.strip() for cell in cells]
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise StageError(f"{where}: the header names a column twice: {', '.join(map(repr, twice))}")
    separators = [mark for mark in others if len(header) == 1 and mark in header[0]]
    if separators:
        raise StageError(
            f"{where}: the header is one cell, {header[0]!r}, and seems to be separated by "
            f"{separators[0]!r}; a .csv file must be separated by commas, a .tsv file by tabs"
        )
    require(columns, header, where)
    return header


def parquet(file: File, columns: Sequence[Column]) -> Iterator[Record]:
    """The rows of a Parquet file, with the requested columns."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(file.path, pre_buffer=False, buffer_size=_READ_BYTES) as table:
            there = table.schema_arrow.names
            require(columns, there, file.name)
            wanted = [column.name for column in columns if column.name in there]
            if twice := [name for name in wanted if there.count(name) > 1]:
                raise StageError(f"{file.name}: the column {twice[0]!r} occurs twice; rename one")
            number = 0
            for batch in table.iter_batches(batch_size=512, columns=wanted):
                for values in batch.to_pylist():
                    number += 1
                    yield f"{file.name}, row {number}", values
    except (pa.ArrowException, OSError) as error:
        with file.path.open("rb") as stream:
            kind = disguised(stream.read(4))
        reason = str(error).splitlines()[0]
        raise StageError(
            f"{file.name}: this is {kind}, not Parquet"
            if kind
            else f"{file.name}: not a complete Parquet file (truncated in a copy?): {reason}"
        ) from None


def require(columns: Sequence[Column], there: Sequence[str], where: str) -> None:
    """Check that the columns exist.

    Raises:
        StageError: one does not; the message lists those that do, and the nearest spelling.
    """
    for column in columns:
        if column.field and column.name not in there:
            raise StageError(
                f"{where}: no column {column.name!r} ({column.field})"
                f"{nearest(column.name, there)}. Columns there: {', '.join(map(repr, there))}"
            )


def text_in(values: Mapping[str, Any], column: Column, where: str) -> str:
    """The text of a row's column.

    Raises:
        StageError: it is not text, or missing.
    """
    text = values[column.name]
    if not isinstance(text, str):
        raise StageError(
            f"{where}: column {column.name!r} must be text, found {text!r:.60} ({column.field})"
        )
    return text


def _shown(text: str) -> str:
    return repr(cut(text, 58))


TEXTS = (".txt", ".md")
TABLES: Mapping[str, Callable[[File, Sequence[Column]], Iterator[Record]]] = {
    ".jsonl": json_lines,
    ".csv": comma_separated,
    ".tsv": tab_separated,
    ".parquet": parquet,
}
TAGGED: Mapping[str, Callable[[File, Sequence[Column]], Iterator[Record]]] = dict.fromkeys(
    (".conll", ".conllu", ".bio", ".iob", ".iob2"), conll
)
