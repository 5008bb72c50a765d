"""The rows of a file, or of a pipe, that a model is to answer, with all their columns."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.calls.inputs import OPTIONS, SKIPPED, Input, Names, chosen_names, input_of, note
from tasks.contract import StageError

if TYPE_CHECKING:
    import pandas as pd

LINES = (".txt", ".md")  # of text, one row a line; a pipe too


@dataclass(frozen=True)
class GivenRows:
    """Rows, in their order.

    Attributes:
        inputs: what the model reads in each.
        others: the other columns of each, by name.
    """

    inputs: list[Input]
    others: list[Mapping[str, Any]]

    def beside(self) -> pd.DataFrame:
        """The other columns as a table, each value as it is; None where a row has no such one."""
        import pandas as pd

        names = dict.fromkeys(name for row in self.others for name in row)
        columns = {
            name: pd.Series([row.get(name) for row in self.others], dtype=object) for name in names
        }
        return pd.DataFrame(columns, index=range(len(self.others)))


def read_inputs(file: str, *columns: Names, words: bool, skip_invalid: bool = False) -> list[Input]:
    """What the model reads in each row of a file: see `read_rows`."""
    return read_rows(file, *columns, words=words, skip_invalid=skip_invalid).inputs


def read_rows(file: str, *columns: Names, words: bool, skip_invalid: bool = False) -> GivenRows:
    """The rows of a file, or of a pipe.

    Args:
        file: its path; `-` for the lines of standard input.
        columns: with the texts or words, in a table; two for pairs of texts.
        words: whether a row is a list of words; a text is split as labelled texts are, and words
            with the number of their sentence are joined.
        skip_invalid: leave out the rows without a text, and report them.

    Raises:
        StageError: no such file, another format, or rows without a text, all counted.
    """
    from tasks.data.labelled_rows import Mistakes

    found, invalid = GivenRows([], []), Mistakes()
    for values, others, where in _rows(file, columns, words=words):
        try:
            found.inputs.append(input_of(values, where, len(columns), words=words))
            found.others.append(others)
        except StageError as error:
            invalid.add(error)
    if invalid.count and not skip_invalid:
        raise StageError("\n".join([*invalid.lines, SKIPPED]))
    if invalid.count:
        rows = "rows are" if invalid.count > 1 else "row is"
        note("\n".join([f"{invalid.count:,} {rows} left out:", *invalid.lines]))
    return found


def _rows(
    file: str, columns: Sequence[Names], *, words: bool
) -> Iterator[tuple[Sequence[Any], Mapping[str, Any], str]]:
    """The values of the columns in each row, its other columns, and where it is.

    Raises:
        StageError: no such file, another format, or no such column.
    """
    from tasks.sources import workbook
    from tasks.sources.formats import READERS
    from tasks.sources.lines import File, lines
    from tasks.sources.sniffing import format_of

    if file == "-":
        if sys.stdin.isatty():
            note("reading lines from the terminal; Ctrl-D ends them")
        yield from _of_lines("standard input", _read_lines(sys.stdin), len(columns))
        return
    given = File(Path(file), file)
    if not given.path.is_file():
        raise StageError(f"FILE: {file} is not a file; accepted: a file with rows, or - for lines")
    if workbook.claims(file):
        yield from _of_tables(_Workbook(file), columns, words=words)
        return
    found = format_of(given, rows=False)
    if found in LINES:
        yield from _of_lines(file, lines(given), len(columns))
        return
    if found not in READERS:
        accepted = ", ".join(sorted({*READERS, *LINES, ".xlsx"}))
        said = f"ends in {given.suffix}" if given.suffix else "is no text"
        raise StageError(f"FILE: {file} {said}; accepted: {accepted}, also .gz, .xz, .zst")
    yield from _of_tables(_Table(given, found), columns, words=words)


def _read_lines(pipe: Iterable[str]) -> Iterator[tuple[int, str]]:
    """The lines of a pipe, numbered.

    Raises:
        StageError: it is not text in the encoding of the terminal.
    """
    number = 0
    try:
        for number, line in enumerate(pipe, 1):
            yield number, line
    except UnicodeDecodeError as error:
        raise StageError(
            f"standard input, after line {number}: not {error.encoding.upper()}; accepted: text in "
            "this encoding, or a file, whose encoding is recognized"
        ) from None


def _of_lines(
    name: str, numbered: Iterator[tuple[int, str]], texts: int
) -> Iterator[tuple[list[str], Mapping[str, Any], str]]:
    """The texts of lines, separated by tabs where a row has several."""
    for number, line in numbered:
        bare = line.rstrip("\r\n")
        yield bare.split("\t") if texts > 1 else [bare], {}, f"{name}, line {number}"


@dataclass(frozen=True)
class _Table:
    """A file with rows, in a format that is known."""

    file: Any
    form: str

    def records(self, columns: Sequence[Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Its rows, with their places; of those that are read column by column, all columns."""
        from tasks.data.rows import Column
        from tasks.sources.columnar import names_in
        from tasks.sources.formats import READERS

        more: list[Column] = []
        if self.form in (".parquet", ".arrow", ".feather"):
            more = [Column(name) for name in names_in(self.file)]
        return READERS[self.form](self.file, [*columns, *more])


@dataclass(frozen=True)
class _Workbook:
    """A workbook of Excel."""

    file: str
    form: str = ".xlsx"

    def records(self, columns: Sequence[Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Its rows, with their places."""
        from tasks.data.rows import Columns
        from tasks.sources import Source, workbook

        identity = workbook.identify(self.file, "FILE")
        book = Source(location=self.file, kind="workbook", identity=identity)
        rows = book.rows(Columns(tuple(columns), ""), lambda *_: None)
        return ((row.where, row.values) for row in rows)


def _of_tables(
    table: _Table | _Workbook, columns: Sequence[Names], *, words: bool
) -> Iterator[tuple[Sequence[Any], Mapping[str, Any], str]]:
    """The rows of a table: see `_rows`."""
    from tasks.data.rows import Column
    from tasks.sources.entities.word_rows import joined, sentence_column

    names = _chosen(table, columns)
    needed = [Column(*each) for each in zip(names, OPTIONS, strict=False)]
    records = table.records(needed)
    if words and table.form in (".csv", ".tsv"):
        there = _first(table, needed)
        if numbers := sentence_column(name for name in there if name not in names):
            note(f"words are joined to sentences by column {numbers!r}")
            records = joined(records, names[0], "", numbers)
    for where, values in records:
        others = {name: value for name, value in values.items() if name not in names}
        yield [values[name] for name in names], others, where


def _chosen(table: _Table | _Workbook, columns: Sequence[Names]) -> list[str]:
    """The names of the columns to read."""
    from tasks.data.rows import Column
    from tasks.sources.formats import TAGGED

    if table.form in TAGGED:  # whose columns have no names
        return [each if isinstance(each, str) else each[0] for each in columns]
    several = [each for each in columns if not isinstance(each, str)]
    wanted = [Column(name) for each in several for name in each]
    return chosen_names(columns, _first(table, wanted) if several else ())


def _first(table: _Table | _Workbook, columns: Sequence[Any]) -> Mapping[str, Any]:
    """The first row; empty if there is none."""
    return next((values for _, values in table.records(columns)), {})
