"""Tagged tokens in columns, as in CoNLL: a token per line, a blank line after each sentence.

What is found in such files, and how it is read:

- Columns are separated by tabs, or by blanks where a line has no tab: a token may contain a
  no-break space. All lines of a file have the same number of columns.
- The token is the first column, or the second where the first counts 1, 2, 3, … in each sentence
  (CoNLL-U); the tag is the last. A role of `columns` that is a number chooses a column, from 0.
- A line `-DOCSTART-`, or the comment `# newdoc`, begins a document. It is no row.
- Lines that begin with `#` and a blank, and are no row of the table, are comments.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tasks.contract import StageError
from tasks.data.rows import Column
from tasks.machinery.naming.cut import cut
from tasks.sources.lines import File, lines

DOCUMENT = "-DOCSTART-"
COMMENTS = ("# ", "#\t", "#newdoc")  # `#TGIF` is a token
_BLANKS = re.compile(r"[ \t]+")
_TAG = re.compile(r"O|[A-Z]-\S+")
_NEW_DOCUMENT = re.compile(r"#\s*newdoc\b(?:\s+id\s*=\s*(\S+))?")


def conll(file: File, columns: Sequence[Column]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The sentences of a file, under the names of the columns of tokens, tags and documents.

    `where` is the line of the first token.

    Raises:
        StageError: a line is not a token and a tag, or has another number of columns than those
            before it.
    """
    reader = _Reader(file, columns)
    for number, line in lines(file):
        if (sentence := reader.read(number, line)) is not None:
            yield sentence
    if (sentence := reader.end()) is not None:
        yield sentence


@dataclass
class _Reader:
    """The sentence that is read, and what is known of the file."""

    file: File
    columns: Sequence[Column]
    width: int = 0  # columns of the file; 0 before its first row
    start: int = 0
    rows: list[list[str]] = field(default_factory=list)
    documents: int = 0
    document: str = ""

    def read(self, number: int, line: str) -> tuple[str, Mapping[str, Any]] | None:
        """Read a line; the sentence that it ends, if it ends one."""
        if not line.strip(" \t"):
            return self.end()
        cells = _cells(line)
        if cells[0] == DOCUMENT:
            ended = self.end()
            self._begin_document("")
            return ended
        if line.startswith(COMMENTS) and not self._is_row(cells):
            if found := _NEW_DOCUMENT.match(line):
                self._begin_document(found[1] or "")
            return None
        self._require(cells, number, line)
        self.start = self.start if self.rows else number
        self.rows.append(cells)
        return None

    def end(self) -> tuple[str, Mapping[str, Any]] | None:
        """The sentence read so far, if it has a token."""
        if not self.rows:
            return None
        token, tag = self._places()
        tokens, tags = ([row[place] for row in self.rows] for place in (token, tag))
        values: dict[str, Any] = {self.columns[0].name: tokens}
        if len(self.columns) > 1:  # a command asks for the tokens alone
            values[self.columns[1].name] = tags
        named = next((column.name for column in self.columns[2:] if not column.field), "")
        if self.document and named:
            values[named] = self.document
        where = f"{self.file.name}, line {self.start}"
        empty = next((n for n, row in enumerate(self.rows) if not (row[token] and row[tag])), None)
        if empty is not None:
            raise StageError(f"{self.file.name}, line {self.start + empty}: {_NEEDED}")
        self.rows = []
        return where, values

    def _places(self) -> tuple[int, int]:
        """The columns of the token and of the tag, from 0."""
        counts = [row[0] for row in self.rows]
        numbers = [str(n) for n in range(1, len(counts) + 1)]
        found = [int(self.width > 2 and counts == numbers), self.width - 1]
        for role, column in enumerate(self.columns[:2]):
            if column.name.isdecimal():
                found[role] = int(column.name)
                if found[role] >= self.width:
                    raise StageError(
                        f"{self.file.name}, line {self.start}: {column.field} is {column.name}, "
                        f"but the line has {self.width} columns, numbered from 0"
                    )
        return found[0], found[1]

    def _begin_document(self, name: str) -> None:
        self.documents += 1
        self.document = f"{self.file.name}#{name or self.documents}"

    def _is_row(self, cells: Sequence[str]) -> bool:
        """Whether a line that begins with `#` is a token with its tag, and no comment."""
        wide = len(cells) == self.width if self.width else len(cells) > 1
        return wide and bool(_TAG.fullmatch(cells[-1]))

    def _require(self, cells: Sequence[str], number: int, line: str) -> None:
        where = f"{self.file.name}, line {number}"
        if len(cells) < 2 or not cells[-1]:
            raise StageError(f"{where}: {cut(line, 58)!r} is not a row: {_NEEDED}")
        if self.width and len(cells) != self.width:
            raise StageError(
                f"{where}: {cut(line, 58)!r} has {len(cells)} columns, but the lines before it "
                f"have {self.width}; only a blank and a tab separate columns"
            )
        self.width = len(cells)


_NEEDED = (
    "a line must be a token and a tag, separated by a tab or blanks (a blank line ends a sentence)"
)


def _cells(line: str) -> list[str]:
    line = line.strip(" ").rstrip(" \t")  # some exports end each line with a separator
    return [cell.strip(" ") for cell in line.split("\t")] if "\t" in line else _BLANKS.split(line)
