"""The rows that a model is to answer, as people have them: files, pipes, lists and tables."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Any

from tasks.contract import StageError
from tasks.machinery.naming.paths import place

OPTIONS = ("--column", "--second-column")  # by which a person gives the columns
SKIPPED = "--skip-invalid (or skip_invalid=True) leaves such rows out and reports them"
SKIPPED_FILES = "--skip-invalid (or skip_invalid=True) leaves such files out and reports them"
LINES = (".txt", ".md")  # of text, one row a line; a pipe too

Input = str | list[str] | tuple[str, str]


def note(text: str) -> None:
    """Print a message apart from the answers."""
    sys.stderr.write(f"temper: {text}\n")


def read_inputs(file: str, *columns: str, words: bool, skip_invalid: bool = False) -> list[Input]:
    """What the model reads in each row of a file, or of a pipe.

    Args:
        file: its path; `-` for the lines of standard input.
        columns: with the texts or words, in a table; two for pairs of texts.
        words: whether a row is a list of words; a text is split at blanks.
        skip_invalid: leave out the rows without a text, and report them.

    Raises:
        StageError: no such file, another format, or rows without a text, all counted.
    """
    from tasks.data.labelled_rows import Mistakes

    inputs, invalid = [], Mistakes()
    for values, where in _rows(file, columns):
        try:
            inputs.append(_input(values, where, len(columns), words=words))
        except StageError as error:
            invalid.add(error)
    if invalid.count and not skip_invalid:
        raise StageError("\n".join([*invalid.lines, SKIPPED]))
    if invalid.count:
        rows = "rows are" if invalid.count > 1 else "row is"
        note("\n".join([f"{invalid.count:,} {rows} left out:", *invalid.lines]))
    return inputs


def _rows(file: str, columns: Sequence[str]) -> Iterator[tuple[Sequence[Any], str]]:
    """The values of the columns in each row, and where it is.

    Raises:
        StageError: no such file, another format, or no such column.
    """
    from tasks.data.rows import Column, Columns
    from tasks.sources import Source, workbook
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
    needed = [Column(*each) for each in zip(columns, OPTIONS, strict=False)]
    if workbook.claims(file):
        book = Source(location=file, kind="workbook", identity=workbook.identify(file, "FILE"))
        for row in book.rows(Columns(tuple(needed), ""), lambda *_: None):
            yield [row.values[column] for column in columns], row.where
        return
    found = format_of(given, rows=False)
    if found in LINES:
        yield from _of_lines(file, lines(given), len(columns))
        return
    if found not in READERS:
        accepted = ", ".join(sorted({*READERS, *LINES, ".xlsx"}))
        said = f"ends in {given.suffix}" if given.suffix else "is no text"
        raise StageError(f"FILE: {file} {said}; accepted: {accepted}, also .gz, .xz, .zst")
    for where, values in READERS[found](given, needed):
        yield [values[column] for column in columns], where


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
) -> Iterator[tuple[list[str], str]]:
    """The texts of lines, separated by tabs where a row has several."""
    for number, line in numbered:
        bare = line.rstrip("\r\n")
        yield bare.split("\t") if texts > 1 else [bare], f"{name}, line {number}"


def _input(values: Sequence[Any], where: str, texts: int, *, words: bool) -> Input:
    """What the model reads in a row: one value as it is, or a pair.

    Raises:
        StageError: it has another number of texts, or none.
    """
    if len(values) != texts:
        raise StageError(
            f"{where}: found {len(values)} texts ({values[0]!r:.60}); the model reads pairs; "
            "accepted: two texts with a tab between them, or a table with two columns"
        )
    read = [_checked(value, where, words=words) for value in values]
    return read[0] if len(read) == 1 else (str(read[0]), str(read[1]))


def _checked(value: Any, where: str, *, words: bool) -> str | list[str]:
    """A row's text, or its words.

    Raises:
        StageError: it has none, or half a character.
    """
    from tasks.data.rows import encodable

    if words:
        value = value.split() if isinstance(value, str) else value
        if isinstance(value, list) and value and all(isinstance(each, str) for each in value):
            return [encodable(each, where) for each in value]
    elif isinstance(value, str) and value.strip():
        return encodable(value, where)
    wanted = "a text of words, or a list of them" if words else "a text"
    raise StageError(f"{where}: found {value!r:.60}; accepted: {wanted} in each row")


def in_memory(rows: Any, *columns: str, words: bool) -> Iterator[Input]:
    """What the model reads in each row of a table, or in each of some inputs.

    Args:
        rows: a table of pandas, or texts, lists of words, or pairs of texts.
        columns: of a table, with the texts or words; two for pairs of texts.
        words: whether a row is a list of words; a text is split at blanks.

    Raises:
        StageError: a column is missing, or a row is not what the model reads.
    """
    import pandas as pd

    if isinstance(rows, pd.DataFrame):
        missing = [name for name in columns if name not in rows]
        if missing:
            raise StageError(
                f"rows: the table has no column {missing[0]!r}; it has: "
                f"{', '.join(map(str, rows.columns))}; accepted: column= with one of them"
            )
        given: Iterator[Any] = rows[list(columns)].itertuples(index=False, name=None)
    elif isinstance(rows, Mapping | Set) or not isinstance(rows, Iterable):
        raise StageError(
            f"rows: found {rows!r:.60}, which has no rows in an order; accepted: the path of a "
            "file, a table of pandas, or a list of inputs"
        )
    elif len(columns) > 1:
        given = iter(rows)
    else:
        given = ((each,) for each in rows)
    for number, values in enumerate(given, 1):
        where = f"rows, number {number}"
        if not isinstance(values, tuple | list) or len(values) != len(columns):
            raise StageError(
                f"{where}: found {values!r:.60}; the model reads pairs; accepted: two texts, as a "
                "tuple, or a table with two columns"
            )
        yield _input([_listed(value) for value in values], where, len(columns), words=words)


def _listed(value: Any) -> Any:
    """A list of words as one, also where a table has it as an array."""
    return list(value) if hasattr(value, "tolist") and not isinstance(value, str) else value


def picture_inputs(
    location: str, *columns: str, skip_invalid: bool = False
) -> list[tuple[str, Path]]:
    """The pictures that a command is given: see `picture_files`.

    Args:
        location: of a folder or a file.
        columns: that are given by OPTIONS; pictures have none.
        skip_invalid: leave out the files that are no pictures, and report them.

    Raises:
        StageError: a column is given, or there is no picture.
    """
    for option, name in zip(OPTIONS, columns, strict=False):
        if name:
            raise StageError(
                f"{option}: found {name!r}, but the model reads pictures; leave it out"
            )
    if location == "-":
        raise StageError("FILE: not given; accepted: a picture, or a folder of pictures")
    return picture_files(location, skip_invalid=skip_invalid)


def picture_files(location: str, *, skip_invalid: bool = False) -> list[tuple[str, Path]]:
    """The pictures of a folder, by their names in it; or a single file.

    Args:
        location: of the folder or the file.
        skip_invalid: leave out the files that are no pictures, and report them.

    Raises:
        StageError: there is none, or files are no pictures: all of them, by name.
    """
    from tasks.models.images.predictions import first_of, no_pictures

    files = _named_as_pictures(location)
    wrong = no_pictures(files)
    if wrong and (not skip_invalid or len(wrong) == len(files)):
        hint = "" if skip_invalid else f"\n{SKIPPED_FILES}"
        raise StageError(f"FILE: some files are no pictures:\n{first_of(wrong)}{hint}")
    if wrong:
        note(f"{len(wrong):,} files are left out:\n{first_of(wrong)}")
    return [each for each in files if each[0] not in wrong]


def _named_as_pictures(location: str) -> list[tuple[str, Path]]:
    """The file, or those of the folder whose names end as those of pictures.

    Raises:
        StageError: there is none.
    """
    from tasks.sources.images.picture_files import ENDINGS, every_file

    root = place(location)
    if root.is_file():
        return [(location, root)]
    if not root.is_dir():
        raise StageError(f"FILE: there is no file or folder {location}")
    found = [path for path in every_file(root) if path.suffix.lower() in ENDINGS]
    if not found:
        raise StageError(f"FILE: no picture in {location}; accepted: {', '.join(ENDINGS)}")
    return [(path.relative_to(root).as_posix(), path) for path in found]
