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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.contract import StageError
from tasks.data.rows import Column, Document
from tasks.machinery.naming.cut import cut
from tasks.machinery.naming.spelling import nearest

Record = tuple[str, Mapping[str, Any]]

_EXPORT = "unpack it, or export it as UTF-8 text"
_READ_BYTES = 1 << 20  # bytes of a Parquet column read at a time, independent of its row groups
# The first bytes of files that often have the wrong name.
_SIGNATURES = {
    b"PK\x03\x04": "a zip archive, as Excel's .xlsx files are",
    b"\xd0\xcf\x11\xe0": "an Excel .xls file",
    b"\x1f\x8b": "packed by gzip",
}
# A document in a cell may be longer than the 128 kB that `csv` accepts by default.
csv.field_size_limit(min(sys.maxsize, 2**31 - 1))


@dataclass(frozen=True, slots=True)
class File:
    """A file: its path, and its name in ids and messages."""

    path: Path
    name: str


def lines(file: File) -> Iterator[tuple[int, str]]:
    """The lines of a text file from 1, without their ends.

    Raises:
        StageError: a line is not UTF-8, or contains a zero byte as only binary files do.
    """
    offset = 0
    with file.path.open("rb") as stream:
        for number, raw in enumerate(stream, 1):
            if number == 1 and (kind := _disguised(raw)):
                raise StageError(f"{file.name}: this is {kind}, not text; {_EXPORT}")
            try:
                line = raw.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise StageError(_not_utf8(file, number, offset + error.start, raw)) from None
            if "\0" in line:
                raise StageError(
                    f"{file.name}, line {number}: a zero byte (byte {offset + raw.index(0)}); "
                    "this is not a text file"
                )
            yield number, line.rstrip("\r\n")
            offset += len(raw)


def _disguised(start: bytes) -> str:
    """The type of a compressed file or an archive by its first bytes, or ""."""
    return next((kind for mark, kind in _SIGNATURES.items() if start.startswith(mark)), "")


def _not_utf8(file: File, number: int, at: int, raw: bytes) -> str:
    utf16 = number == 1 and raw[:2] in {b"\xff\xfe", b"\xfe\xff"}
    guess = "UTF-16" if utf16 else "ISO-8859-1"
    return (
        f"{file.name}, line {number}: not UTF-8 (byte {at} of the file); text files must be UTF-8; "
        f"if it is {guess}: iconv -f {guess} -t UTF-8 {Path(file.name).name}"
    )


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
                header = _header(cells, columns, where)
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


def _header(cells: list[str], columns: Sequence[Column], where: str) -> list[str]:
    header = [cell.strip() for cell in cells]
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise StageError(f"{where}: the header names a column twice: {', '.join(map(repr, twice))}")
    separators = [mark for mark in (";", "\t", "|") if len(header) == 1 and mark in header[0]]
    if separators:
        raise StageError(
            f"{where}: the header is one cell, {header[0]!r}, and seems to be separated by "
            f"{separators[0]!r}; a .csv file must be separated by commas"
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
            kind = _disguised(stream.read(4))
        reason = str(error).splitlines()[0]
        raise StageError(
            f"{file.name}: this is {kind}, not Parquet"
            if kind
            else f"{file.name}: not a complete Parquet file (truncated in a copy?): {reason}"
        ) from None


def conll(file: File, columns: Sequence[Column]) -> Iterator[Record]:
    """The sentences of a file: one token, a tab and a tag per line, a blank line after a sentence.

    They are yielded under the names of the first two columns; `where` is the line of the first
    token.
    """
    tokens: list[str] = []
    tags: list[str] = []
    start = 0
    for number, line in lines(file):
        if not line.strip():
            if tokens:
                yield f"{file.name}, line {start}", _sentence(columns, tokens, tags)
            tokens, tags = [], []
            continue
        start = start if tokens else number
        words = line.split("\t") if "\t" in line else line.split()
        if len(words) < 2 or not words[0].strip() or not words[-1].strip():
            raise StageError(
                f"{file.name}, line {number}: {_shown(line)} is not a token and a tag, separated "
                "by a tab or blanks (a blank line ends a sentence)"
            )
        tokens.append(words[0].strip())
        tags.append(words[-1].strip())
    if tokens:
        yield f"{file.name}, line {start}", _sentence(columns, tokens, tags)


def _sentence(
    columns: Sequence[Column], tokens: list[str], tags: list[str]
) -> dict[str, list[str]]:
    return {columns[0].name: tokens, columns[1].name: tags}


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
    ".parquet": parquet,
}
TAGGED: Mapping[str, Callable[[File, Sequence[Column]], Iterator[Record]]] = {".conll": conll}
