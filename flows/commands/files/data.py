"""`temper data`: what a file or a folder holds, and the experiment to begin with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer
from rich.table import Table

from flows.commands.files.pictures import is_pictures, show_pictures
from flows.presets.beginning import Checked, experiment_text, is_corpus
from flows.presets.guessing import Guess, guess
from flows.terminal.in_process import err, out, stop
from flows.terminal.pages import LeftMarkdown
from tasks.contract import Silent, StageError
from tasks.data.tally import cell
from tasks.experiment.corpus import Corpus
from tasks.experiment.problem import Downstream

# What a person may have to decide about the rows, the least first.
SETTINGS: tuple[dict[str, str], ...] = (
    {},
    {"overlap": "drop"},
    {"missing_labels": "drop"},
    {"overlap": "drop", "missing_labels": "drop"},
)


def data(
    path: Annotated[str, typer.Argument(metavar="PATH", help="A file or a folder of data.")],
    *,
    problem: Annotated[
        str, typer.Option(metavar="NAME", help="What it is for: a problem, or corpus.")
    ] = "",
    text: Annotated[
        str, typer.Option(metavar="COLUMN", help="The column with the texts, or the words.")
    ] = "",
    label: Annotated[
        str, typer.Option(metavar="COLUMN", help="The column with the labels, or the tags.")
    ] = "",
) -> None:
    """Show what a file or a folder of data holds, and the YAML of an experiment on it.

    What is guessed is said: the format, the columns, and the problem. The numbers are those of the
    data card of a run. Of a folder of pictures, the card of pictures is shown.
    """
    try:
        if is_pictures(path, problem):
            show_pictures(path, problem)
            return
        found = guess(path, problem, text, label)
        print_columns(found)
        read = checked(found)
    except StageError as error:
        stop([str(error)])
    out.print(LeftMarkdown(read.card), soft_wrap=False)
    for remark in found.source.remarks():
        out.print(remark, highlight=False, markup=False)
    out.print("\nThe experiment to begin with:\n")
    own = found if is_corpus(found) else None
    labelled = [] if is_corpus(found) else [read]
    out.print(experiment_text(found.name, own, labelled, Path.cwd()), highlight=False, markup=False)
    out.print("`temper new FILE.yaml --data PATH` writes it to a file", highlight=False)


def print_columns(found: Guess) -> None:
    """Show the format of the data, the columns with an example, and what was guessed."""
    from tasks.sources.looking import type_of

    seen = found.seen
    line = ", ".join((f"{seen.name}: {seen.form}", *seen.facts))
    out.print(line, highlight=False, markup=False)
    if seen.columns:
        table = Table("column", "type", "example", "use", box=None, pad_edge=False)
        uses = {column: role for role, column in found.columns.items()}
        for name, values in seen.columns.items():
            example = next((str(v) for v in values if v not in (None, "")), "")
            table.add_row(name, type_of(values), cell(example)[:80], uses.get(name, ""))
        out.print(table, highlight=False, markup=False)
    out.print(f"guess: {'; '.join(found.said)}", highlight=False, markup=False)


def checked(found: Guess) -> Checked:
    """The data with the settings with which they can be read, and their card.

    Raises:
        StageError: a run cannot read them.
    """
    first: StageError | None = None
    with TemporaryDirectory() as folder, err.status("reading the data …"):
        for number, settings in enumerate(SETTINGS):
            out_of = Path(folder) / str(number)
            out_of.mkdir()
            try:
                _prepare(found, settings, out_of)
                reason = str(first).partition("\n")[0].partition(": ")[2] if first else ""
                reason = reason.removesuffix(", such as").partition(". To leave")[0]
                return Checked(found, settings, reason, _card(out_of))
            except StageError as error:
                first = first or error
                if is_corpus(found):
                    break
    assert first is not None
    raise first


def _prepare(found: Guess, settings: Mapping[str, Any], out_of: Path) -> None:
    """Read the data as a run does."""
    if is_corpus(found):
        from tasks.stages.corpus import prepare_corpus

        column = {"text_column": found.columns["text"]} if found.columns else {}
        corpus = Corpus.model_validate(column)
        prepare_corpus(corpus, found.source, [], 0, out=out_of, monitor=Silent())
        return
    from tasks.stages.dataset import prepare_dataset

    values = {"name": found.name, "problem": found.problem, "columns": dict(found.columns)}
    rows = Downstream.model_validate({**values, **settings}).data
    prepare_dataset(rows, found.source, 0, out=out_of, monitor=Silent())


def _card(folder: Path) -> str:
    from tasks.pages.data_card import Card

    return Card.read(folder / "tally.json").page(figures=False)
