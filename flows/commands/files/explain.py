"""`temper explain`: why a fine-tuned model answers as it does, in the terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from flows.calls.explaining import (
    USUAL,
    Explanation,
    explain_pictures,
    explain_texts,
    require_methods,
)
from flows.calls.given_rows import read_inputs
from flows.calls.inputs import Input, input_of, note, picture_inputs
from flows.calls.predicting import AnsweringModel
from flows.commands.files.explained import explained_lines
from flows.commands.parts import ModelArgument
from flows.terminal.in_process import err, out, prepare, require_writable, stop
from flows.terminal.results_files import plain, written_whole
from tasks.contract import StageError
from tasks.experiment import choices


def explain(
    model: ModelArgument,
    given: Annotated[
        str,
        typer.Argument(
            metavar="TEXT | FILE | -",
            help="A text (of a pair, a tab between both), or a file of rows as for `temper "
            "predict`; `-` reads lines. For a model of pictures: one, or a folder.",
        ),
    ],
    *,
    method: Annotated[
        list[str],
        typer.Option(
            metavar="NAME",
            help=f"How: {', '.join(choices.names('explanations'))}. May be repeated.",
        ),
    ] = [USUAL],  # noqa: B006  (typer reads the default and never changes it)
    column: Annotated[
        str, typer.Option(metavar="NAME", help="The column to read; by default `text`.")
    ] = "",
    second_column: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="The column of the second text of pairs; by default `second_text`.",
        ),
    ] = "",
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE.jsonl", dir_okay=False, help="Also write JSON lines."),
    ] = None,
) -> None:
    """Show which words of a text, or regions of a picture, speak for a model's answer.

    Each explanation is checked on the model: whether it adds up, against random orders of the
    words, and against the same model with random weights.
    """
    require_writable("--output", output)
    prepare()
    try:
        methods = require_methods(method)
        found = AnsweringModel.of(model, err.print)
        _write(_explained(found, given, [column, second_column], methods), output)
    except StageError as error:
        stop([str(error)])


def _explained(
    model: AnsweringModel, given: str, columns: list[str], methods: list[str]
) -> Iterator[Explanation]:
    """The explanations of all rows that are given.

    Raises:
        StageError: there is no such file, a row is not valid, or the model cannot be explained.
    """
    from tasks.models.explaining.explained import load_explained

    load_explained(model.problem)
    if model.problem in choices.of_pictures():
        return explain_pictures(model, picture_inputs(given, *columns), methods)
    return explain_texts(model, _inputs(model, given, columns), methods)


def _inputs(model: AnsweringModel, given: str, named: list[str]) -> list[Input]:
    """The rows of a file, or the text itself.

    Raises:
        StageError: there is no such file, or the model reads pairs and the text is none.
    """
    from tasks.sources import workbook
    from tasks.sources.formats import READERS, TEXTS

    columns = model.columns(*named)
    path = Path(given)
    is_read = path.suffix.lower() in (*READERS, *TEXTS) or workbook.claims(given)
    is_name = is_read and " " not in given
    if given == "-" or is_name or (len(given) < 255 and path.is_file()):
        return read_inputs(given, *columns, words=model.reads_words)
    texts = given.split("\t")
    if len(texts) != len(columns) or not all(text.strip() for text in texts):
        accepted = "a text, no tab"
        if len(columns) > 1:
            names = " and ".join(each if isinstance(each, str) else each[0] for each in columns)
            accepted = f"two texts with a tab between them ({names})"
        raise StageError(f"TEXT: found {given!r:.80}; accepted: {accepted}, or a file of rows")
    return [input_of(texts, "TEXT", len(texts), words=model.reads_words)]


def _write(found: Iterator[Explanation], output: Path | None) -> None:
    """Show each explanation, and write it."""
    count = 0
    with written_whole(output) as file:
        for each in found:
            for line in explained_lines(each, colours=out.color_system is not None):
                out.print(line, highlight=False)
            if file is not None:
                file.write(json.dumps(as_record(each), ensure_ascii=False, allow_nan=False) + "\n")
            count += 1
    if output is not None:
        note(f"{count:,} rows explained: {output}")


def as_record(found: Explanation) -> dict[str, Any]:
    """An explanation as a line of JSON: by each method the parts, their attributions, the checks.

    Attributions are towards the answer that is explained.
    """
    row, measured = found.found.row, found.found
    strength, without = found.strengths
    methods = {
        name: {
            "attributions": [row.direction * float(value) for value in values],
            "checks": found.checks(name),
        }
        for name, values in measured.values.items()
    }
    words = {"words": [piece.text for piece in row.pieces]} if row.pieces else {}
    if row.own:
        words["own"] = [row.pieces[part].text for part in row.own]
    numbers = {"strength": strength, "without": without, "score": measured.score}
    return {**plain(found.answer), "explained": found.words, **numbers, **words, "methods": methods}
