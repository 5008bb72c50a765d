"""`temper predict`: the answers of a fine-tuned model to the rows of a file, or of a pipe."""

from __future__ import annotations

import csv
import json
import math
import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import IO, Annotated, Any

import typer

from flows.commands.parts import ModelArgument
from flows.terminal.in_process import err, prepare, require_writable, stop
from tasks.contract import StageError

LINES = (".txt", ".md")  # of text, one row a line; a pipe too
WRITTEN = (".jsonl", ".csv", ".tsv")
OPTIONS = ("--column", "--second-column")

Input = str | list[str] | tuple[str, str]


def predict(
    model: ModelArgument,
    file: Annotated[
        str,
        typer.Argument(
            metavar="[FILE | -]",
            help="Rows to answer: .csv, .tsv, .jsonl, .json, .parquet or .arrow with a column of "
            "texts (or of lists of words; two columns for a model of pairs, or of questions and "
            "texts), .conll, SQuAD's .json, or .txt with one text a line (a tab between both of a "
            "pair); also packed. `-` reads lines. For a model of pictures: one, or a folder.",
        ),
    ] = "-",
    *,
    column: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="The column to read; by default `text`, `tokens` or `question`."
        ),
    ] = "",
    second_column: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="The column of the second text of pairs; by default `second_text`, or `text` "
            "beside a question.",
        ),
    ] = "",
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", dir_okay=False, help=f"Write {', '.join(WRITTEN)}; else JSON lines."
        ),
    ] = None,
) -> None:
    """Answer the rows of a file with a fine-tuned model, as its evaluation would.

    Each row is written with its input, the answer, and the probability of the answer. A text that
    is longer than the model's input is cut, which is reported.
    """
    if output is not None and output.suffix.lower() not in WRITTEN:
        stop([f"--output {output}: accepted: a file that ends in {', '.join(WRITTEN)}"])
    require_writable("--output", output)
    prepare()
    try:
        _predict(model, file, [column, second_column], output)
    except StageError as error:
        stop([str(error)])


def _predict(reference: str, file: str, given: Sequence[str], output: Path | None) -> None:
    """Resolve the model, read the rows, and write the answers.

    Raises:
        StageError: there is no such model or file, or a row is not valid.
    """
    from tasks.data.pairs import FIRST, SECOND
    from tasks.experiment import choices
    from tasks.machinery.host.home import store_folder
    from tasks.machinery.store.store import Store
    from tasks.machinery.tracking.tracking import Tracking
    from tasks.models.files import configuration_of, inputs_of
    from tasks.models.predictions import answer_rows, require_problem
    from tasks.problems import described
    from tasks.references.resolving import resolve_model

    found = resolve_model(reference, "MODEL", Tracking("", err.print), Store(store_folder()))
    configuration = configuration_of(found.path, reference)
    problem = require_problem(configuration, reference)
    if problem in choices.of_pictures():
        _predict_pictures(problem, found.path, file, given, output)
        return
    kind = described(problem)
    usual = inputs_of(configuration, problem)
    if given[1] and len(usual) == 1 and kind.INPUT != FIRST:
        raise StageError(
            f"--second-column: found {given[1]!r}, but {reference} reads {kind.INPUT}, no pairs of "
            "texts; leave it out"
        )
    if given[1] and len(usual) == 1:  # a published model does not say that it reads pairs
        usual = [*usual, SECOND]
    columns = [name or other for name, other in zip(given, usual, strict=False)]
    inputs = list(read_inputs(file, *columns, words=kind.INPUT == "tokens"))
    tables = answer_rows(problem, found.path, inputs, _progress(len(inputs)))
    cut, unit = _write(tables, output, getattr(kind, "BETWEEN", " "))
    if cut:
        note(f"{cut:,} {unit}: they are longer than the model's input")
    if output is not None:
        note(f"{len(inputs):,} rows answered ({problem}): {output}")


def _predict_pictures(
    problem: str, folder: Path, location: str, given: Sequence[str], output: Path | None
) -> None:
    """Answer the pictures of a folder, or one picture, and write the answers.

    Raises:
        StageError: there is no picture, or a file is none.
    """
    from flows.commands.files.pictures import picture_files
    from tasks.models.images.predictions import answer_pictures

    for option, name in zip(OPTIONS, given, strict=True):
        if name:
            raise StageError(
                f"{option}: found {name!r}, but the model reads pictures; leave it out"
            )
    if location == "-":
        raise StageError("FILE: not given; accepted: a picture, or a folder of pictures")
    files = picture_files(location)
    _write(answer_pictures(problem, folder, files, _progress(len(files))), output)
    if output is not None:
        note(f"{len(files):,} pictures answered ({problem}): {output}")


def _write(tables: Iterator[Any], output: Path | None, between: str = " ") -> tuple[int, str]:
    """Write the answers; returns how much did not fit into the model's input, and its unit."""
    cut, unit = 0, ""  # a model that cannot be read leaves an older output as it is
    with nullcontext(sys.stdout) if output is None else output.open("w", encoding="utf-8") as out:
        suffix = "" if output is None else output.suffix.lower()
        writer = Writer(out, suffix, between)
        for table in tables:
            writer.write(table.to_dict("records"))
            cut += int(table.attrs["cut"])
            unit = str(table.attrs["unit"]).replace("_", " ")
    return cut, unit


def note(text: str) -> None:
    """Print a message apart from the answers."""
    err.print(f"temper: {text}", markup=False, highlight=False)


def _progress(total: int) -> Any:
    """Reports how many rows are done, where somebody looks and it takes long."""
    if not sys.stderr.isatty() or total < 10_000:
        return None
    return lambda done, of: note(f"{done:,} of {of:,} rows")


def read_inputs(file: str, *columns: str, words: bool) -> Iterator[Input]:
    """What the model reads in each row of a file, or of a pipe.

    Args:
        file: its path; `-` for the lines of standard input.
        columns: with the texts or words, in a table; two for pairs of texts.
        words: whether a row is a list of words; a text is split at blanks.

    Raises:
        StageError: no such file, another format, or a row without a text.
    """
    from tasks.sources.formats import READERS
    from tasks.sources.lines import File, lines
    from tasks.sources.sniffing import format_of

    if file == "-":
        if sys.stdin.isatty():
            note("reading lines from the terminal; Ctrl-D ends them")
        numbered: Iterator[tuple[int, str]] = enumerate(sys.stdin, 1)
        yield from _of_lines("standard input", numbered, len(columns), words=words)
        return
    given = File(Path(file), file)
    if not given.path.is_file():
        raise StageError(f"FILE: {file} is not a file; accepted: a file with rows, or - for lines")
    found = format_of(given, rows=False)
    if found in LINES:
        yield from _of_lines(file, lines(given), len(columns), words=words)
        return
    if found not in READERS:
        accepted = ", ".join(sorted({*READERS, *LINES}))
        said = f"ends in {given.suffix}" if given.suffix else "is no text"
        raise StageError(f"FILE: {file} {said}; accepted: {accepted}, also .gz, .xz, .zst")
    from tasks.data.rows import Column

    needed = [Column(*each) for each in zip(columns, OPTIONS, strict=False)]
    for where, values in READERS[found](given, needed):
        yield _input([values[column] for column in columns], where, words=words)


def _of_lines(
    name: str, numbered: Iterator[tuple[int, str]], texts: int, *, words: bool
) -> Iterator[Input]:
    """The inputs of lines with this number of texts each, separated by tabs."""
    for number, line in numbered:
        where, bare = f"{name}, line {number}", line.rstrip("\r\n")
        found = bare.split("\t") if texts > 1 else [bare]
        if len(found) != texts:
            raise StageError(
                f"{where}: found {bare!r:.60}; the model reads pairs; accepted: two texts with a "
                "tab between them, or a table with two columns"
            )
        yield _input(found, where, words=words)


def _input(values: Sequence[Any], where: str, *, words: bool) -> Input:
    """What the model reads in a row: one value as it is, or a pair."""
    read = [_checked(value, where, words=words) for value in values]
    return read[0] if len(read) == 1 else (str(read[0]), str(read[1]))


def _checked(value: Any, where: str, *, words: bool) -> str | list[str]:
    """A row's text, or its words.

    Raises:
        StageError: it has none.
    """
    if words:
        value = value.split() if isinstance(value, str) else value
        if isinstance(value, list) and value and all(isinstance(each, str) for each in value):
            return value
    elif isinstance(value, str) and value.strip():
        return value
    wanted = "a text of words, or a list of them" if words else "a text"
    raise StageError(f"{where}: found {value!r:.60}; accepted: {wanted} in each row")


class Writer:
    """Writes answers as JSON lines, or as a table with lists joined.

    Args:
        out: where to.
        suffix: `.csv`, `.tsv`, or another for JSON lines.
        between: what is between the items of a list in a table.
    """

    def __init__(self, out: IO[str], suffix: str, between: str = " ") -> None:
        self.out, self.between = out, between
        self._table: Any = None
        if suffix in (".csv", ".tsv"):
            mark = "," if suffix == ".csv" else "\t"
            self._table = csv.writer(out, delimiter=mark, lineterminator="\n")
        self._begun = False

    def write(self, rows: list[dict[Any, Any]]) -> None:
        """Write some rows."""
        for row in rows:
            if self._table is None:
                self.out.write(json.dumps(_plain(row), ensure_ascii=False) + "\n")
                continue
            if not self._begun:
                self._table.writerow(row)
                self._begun = True
            self._table.writerow(
                [
                    self.between.join(map(str, each)) if isinstance(each, list) else each
                    for each in row.values()
                ]
            )


def _plain(row: dict[Any, Any]) -> dict[Any, Any]:
    """A row for JSON, which has no NaN: of a word that the model did not see."""

    def plain(value: Any) -> Any:
        if isinstance(value, list):
            return [plain(each) for each in value]
        return None if isinstance(value, float) and math.isnan(value) else value

    return {name: plain(value) for name, value in row.items()}
