"""`temper predict`: the answers of a fine-tuned model to the rows of a file, or of a pipe."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Annotated, Any

import typer

from flows.calls.given_rows import read_rows
from flows.calls.inputs import note, picture_inputs
from flows.calls.predicting import AnsweringModel, beside
from flows.commands.files.drawing import Drawing
from flows.commands.parts import ModelArgument
from flows.terminal.in_process import err, prepare, require_given, require_writable, stop
from flows.terminal.results_files import plain, written_whole
from tasks.contract import StageError
from tasks.experiment import choices

WRITTEN = (".jsonl", ".csv", ".tsv")


def predict(
    model: ModelArgument,
    file: Annotated[
        str,
        typer.Argument(
            metavar="[FILE | -]",
            help="Rows to answer: .csv, .tsv, .jsonl, .json, .parquet, .arrow or .xlsx with a "
            "column of texts (or of lists of words; two columns for a model of pairs, or of "
            "questions and texts), .conll, SQuAD's .json, or .txt with one text a line (a tab "
            "between both of a pair); also packed. `-` reads lines. For a model of pictures: one, "
            "or a folder.",
        ),
    ] = "-",
    *,
    column: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="The column to read; by default that of the rows that the model learnt from, or "
            "`text`, `tokens` or `question`.",
        ),
    ] = "",
    second_column: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="The column of the second text of pairs; by default as above, or `second_text`, "
            "or `text` beside a question.",
        ),
    ] = "",
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", dir_okay=False, help=f"Write {', '.join(WRITTEN)}; else JSON lines."
        ),
    ] = None,
    skip_invalid: Annotated[
        bool,
        typer.Option(
            "--skip-invalid",
            help="Leave out rows without a text, or files that are no pictures, and report them; "
            "else they stop.",
        ),
    ] = False,
    draw: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            file_okay=False,
            help="Of a model that answers masks or boxes: write the pictures with them to this "
            "folder, and masks also alone.",
        ),
    ] = None,
) -> None:
    """Answer the rows of a file with a fine-tuned model, as its evaluation would.

    Each row is written with its other columns, its input, the answer, and the probability of the
    answer. A text that is longer than the model's input is cut, which is reported.
    """
    if output is not None and output.suffix.lower() not in WRITTEN:
        stop([f"--output {output}: accepted: a file that ends in {', '.join(WRITTEN)}"])
    require_writable("--output", output)
    require_given(file)
    prepare()
    try:
        _predict(model, file, [column, second_column], output, draw=draw, skip_invalid=skip_invalid)
    except StageError as error:
        stop([str(error)])


def _predict(
    reference: str,
    file: str,
    given: Sequence[str],
    output: Path | None,
    *,
    draw: Path | None,
    skip_invalid: bool,
) -> None:
    """Resolve the model, read the rows, and write the answers.

    Raises:
        StageError: there is no such model or file, or a row is not valid.
    """
    model = AnsweringModel.of(reference, err.print)
    if model.problem in choices.of_pictures():
        _predict_pictures(model, file, given, output, draw=draw, skip_invalid=skip_invalid)
        return
    if draw is not None:
        raise StageError(f"--draw {draw}: {reference} reads no pictures; leave it out")
    columns = model.columns(*given)
    given_rows = read_rows(file, *columns, words=model.reads_words, skip_invalid=skip_invalid)
    inputs = given_rows.inputs
    answers = model.answer(inputs, _progress(len(inputs)))
    cut, unit = _write(beside(answers, given_rows.beside()), output, model.between)
    if cut:
        note(f"{cut:,} {unit}: they are longer than the model's input")
    if not inputs:
        note(f"FILE: {file} has no row")
    elif output is not None:
        note(f"{len(inputs):,} rows answered ({model.problem}): {output}")


def _predict_pictures(
    model: AnsweringModel,
    location: str,
    given: Sequence[str],
    output: Path | None,
    *,
    draw: Path | None,
    skip_invalid: bool,
) -> None:
    """Answer the pictures of a folder, or one picture, and write the answers; perhaps draw them.

    Raises:
        StageError: there is no picture, a file is none, or the answers cannot be drawn.
    """
    from tasks.models.images.predictions import answer_pictures

    files = picture_inputs(location, *given, skip_invalid=skip_invalid)
    drawn = None if draw is None else Drawing.on(draw, model, files)
    tables = answer_pictures(model.problem, model.folder, files, _progress(len(files)))
    _write(tables if drawn is None else drawn.along(tables), output)
    if output is not None:
        note(f"{len(files):,} pictures answered ({model.problem}): {output}")


def _write(tables: Iterator[Any], output: Path | None, between: str = " ") -> tuple[int, str]:
    """Write the answers; returns how much did not fit into the model's input, and its unit."""
    cut, unit = 0, ""
    with written_whole(output) as file:
        out = sys.stdout if file is None else file
        suffix = "" if output is None else output.suffix.lower()
        writer = Writer(out, suffix, between)
        for table in tables:
            writer.write(table.to_dict("records"))
            cut += int(table.attrs["cut"])
            unit = str(table.attrs["unit"]).replace("_", " ")
    return cut, unit


def _progress(total: int) -> Any:
    """Reports how many rows are done, where somebody looks and it takes long."""
    if not sys.stderr.isatty() or total < 10_000:
        return None
    return lambda done, of: note(f"{done:,} of {of:,} rows")


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
                self.out.write(json.dumps(plain(row), ensure_ascii=False, default=str) + "\n")
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
