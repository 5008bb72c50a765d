"""A workbook of Excel (.xlsx): a sheet of rows, or a sheet for each split; read by openpyxl.

The first row of a sheet names its columns, unless all columns that are asked for are numbers. Of
several sheets, those named like splits (`train`, `dev`, `test`) are read; without one there may be
one sheet only. Formulas are read as the values that were saved with them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, time
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

from tasks.contract import StageError
from tasks.data.rows import Column, Columns, Document, Row
from tasks.experiment.corpus import Corpus
from tasks.machinery.host.digest_memo import digest_file
from tasks.machinery.naming.paths import has_scheme, place
from tasks.sources import Progress, Source
from tasks.sources.columns import by_number, require, text_in
from tasks.sources.folders import SPLIT_WORDS

WRITTEN = "a workbook (.xlsx)"
HOLDS = ""
LIBRARIES = ("openpyxl",)


def claims(location: str) -> bool:
    """Whether this is the path of a workbook."""
    return location.lower().endswith(".xlsx") and not has_scheme(location)


def identify(location: str, field: str, *_: object) -> dict[str, str]:
    """The SHA-256 of the file, by its name.

    Raises:
        StageError: there is no such file, or no openpyxl to read it with.
    """
    path = place(location)
    if not path.is_file():
        raise StageError(f"{field}: there is no file {path}")
    if find_spec("openpyxl") is None:
        raise StageError(
            f"{field}: {location} is read by openpyxl, which is not installed: pip install "
            "openpyxl, or save the sheet as .csv"
        )
    try:
        return {path.name: digest_file(path)}
    except OSError as error:
        raise StageError(f"{field}: {path} cannot be read: {error.strerror}") from None


def name_of(identity: dict[str, str]) -> str:
    """The name of the file."""
    return next(iter(identity))


def size(source: Source) -> int:
    """Its bytes."""
    return place(source.location).stat().st_size


def documents(source: Source, corpus: Corpus, progress: Progress) -> Iterator[Document]:
    """The text column of the sheet for training, or of the only one."""
    column = Column(corpus.text_column, "corpus.text_column")
    with _opened(source) as sheets:
        split = _of_training(sheets)
        for number, (given, where, values) in enumerate(_records(source, sheets, [column]), 1):
            progress(number, 0, "documents")
            if given == split:
                yield Document(where, text_in(values, column, where))


def columns(source: Source, most: int) -> dict[str, list[Any]]:
    """The values of each column in the first rows of the sheet for training, or of the only one.

    Raises:
        StageError: it is no workbook, or has no row.
    """
    found: dict[str, list[Any]] = {}
    with _opened(source) as sheets:
        split = _of_training(sheets)
        learnt = (values for given, _, values in _records(source, sheets, []) if given == split)
        for values in islice(learnt, most):
            for name, value in values.items():
                found.setdefault(name, []).append(value)
    return found


def _of_training(sheets: Mapping[Any, str]) -> str:
    """The split of the sheet to learn from: that of the only one may be ""."""
    return "train" if "train" in sheets.values() else next(iter(sheets.values()))


def rows(source: Source, columns: Columns, progress: Progress) -> Iterator[Row]:
    """The rows of all sheets that are read."""
    with _opened(source) as sheets:
        for number, (split, where, values) in enumerate(
            _records(source, sheets, columns.needed), 1
        ):
            progress(number, 0, "rows")
            yield Row(SPLIT_WORDS.get(split, ""), columns.document_of(values), values, where)


def first_rows(source: Source, columns: Columns) -> list[Row]:
    """The first row."""
    return list(islice(rows(source, columns, _ignore), 1))


def remarks(source: Source) -> list[str]:
    """The sheets that are passed over."""
    with _workbook(source) as book:
        read = _chosen(source, book)
        others = [sheet.title for sheet in book.worksheets if sheet.title not in read]
    return [f"sheets that are not read: {', '.join(others)}"] if others else []


def _ignore(_done: int, _total: int, _unit: str) -> None:
    """Report to nobody."""


@contextmanager
def _workbook(source: Source) -> Iterator[Any]:
    """The workbook, opened to be read row by row.

    Raises:
        StageError: it is none, or damaged.
    """
    import warnings

    import openpyxl

    path = Path(place(source.location))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what is not read, such as drop-down lists
            book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except Exception as error:  # of zip files, XML and openpyxl itself
        raise _unreadable(path, error) from None
    try:
        yield book
    finally:
        book.close()


def _cells(path: str, sheet: Any) -> Iterator[tuple[Any, ...]]:
    """The values of each row of a sheet, which is only parsed now.

    Raises:
        StageError: it is damaged.
    """
    every = sheet.iter_rows(values_only=True)
    while True:
        try:
            cells = next(every, None)
        except Exception as error:
            raise _unreadable(Path(path), error) from None
        if cells is None:
            return
        yield cells


def _unreadable(path: Path, error: Exception) -> StageError:
    said = " ".join(str(error).split())[:200]
    return StageError(f"{path.name}: not a workbook that can be read: {said}")


@contextmanager
def _opened(source: Source) -> Iterator[dict[Any, str]]:
    """The sheets that are read, each with its split in lower case, or ""."""
    with _workbook(source) as book:
        chosen = _chosen(source, book)
        yield {book[title]: split for title, split in chosen.items()}


def _chosen(source: Source, book: Any) -> dict[str, str]:
    """The titles of the sheets that are read, each with its split in lower case, or "".

    Raises:
        StageError: no sheet has a row, or several have, and none is named like a split.
    """
    filled = [
        sheet.title
        for sheet in book.worksheets
        if any(any(cell is not None for cell in row) for row in _cells(source.name, sheet))
    ]
    named = {title: title.strip().lower() for title in filled}
    splits = {title: name for title, name in named.items() if name in SPLIT_WORDS}
    if splits:
        return splits
    if len(filled) != 1:
        found = f"{len(filled)} sheets ({', '.join(filled)})" if filled else "no row"
        raise StageError(
            f"{source.name}: found {found}; accepted: one sheet with rows, or sheets named train, "
            "validation and test"
        )
    return {filled[0]: ""}


def _records(
    source: Source, sheets: Mapping[Any, str], columns: Sequence[Column]
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """The split, the place and the values of each row that is not empty."""
    for sheet, split in sheets.items():
        names: list[str] = []
        for number, cells in enumerate(_cells(source.name, sheet), 1):
            if all(cell is None for cell in cells):
                continue
            where = f"{source.name}, sheet {sheet.title!r}, row {number}"
            if not names:
                written = ["" if cell is None else str(cell).strip() for cell in cells]
                numbers = by_number(columns, written, where)
                names = numbers or written
                require(columns, [name for name in names if name], where)
                if not numbers:
                    continue
            pairs = zip(names, cells, strict=False)
            values = {name: _plain(cell) for name, cell in pairs if name}
            yield split, where, dict.fromkeys(filter(None, names)) | values


def _plain(cell: Any) -> Any:
    """A value as other files have it: a date as text."""
    return cell.isoformat() if isinstance(cell, date | time) else cell
