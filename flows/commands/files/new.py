"""`temper new`: writes an experiment to begin with, with comments."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from flows.commands.files.data import checked
from flows.commands.files.pictures import described_pictures, is_pictures
from flows.presets.beginning import experiment_text, is_corpus
from flows.presets.guessed_parts import relative
from flows.presets.guessing import CORPUS, guess
from flows.terminal.in_process import out, stop
from tasks.contract import StageError
from tasks.experiment.fields import NAME_PATTERN


def new(
    file: Annotated[
        Path, typer.Argument(metavar="[FILE.yaml]", help="The file to write; it is not there yet.")
    ] = Path("experiment.yaml"),
    *,
    corpus: Annotated[
        str, typer.Option(metavar="PATH", help="The text to pre-train on: a file or a folder.")
    ] = "",
    data: Annotated[
        list[str],
        typer.Option(metavar="PATH", help="Rows with labels to fine-tune on. May be repeated."),
    ] = [],  # noqa: B006  (typer reads the default and never changes it)
    name: Annotated[
        str, typer.Option(metavar="NAME", help="Of the experiment; by default that of the file.")
    ] = "",
    problem: Annotated[
        str, typer.Option(metavar="PROBLEM", help="What the rows of --data are for.")
    ] = "",
    text: Annotated[
        str, typer.Option(metavar="COLUMN", help="The column of --data with texts, or words.")
    ] = "",
    label: Annotated[
        str, typer.Option(metavar="COLUMN", help="The column of --data with labels, or tags.")
    ] = "",
) -> None:
    """Write an experiment to begin with, from guesses about your data (see `temper data`).

    Without options it asks for them, in a terminal.
    """
    require_new(file)
    if not (corpus or data) and sys.stdin.isatty():
        corpus = typer.prompt("The text to pre-train on (a file or a folder)", default="")
        one = typer.prompt("Rows with labels to fine-tune on (a file or a folder)", default="")
        data = [one] if one else []
        name = name or typer.prompt("Name of the experiment", default=_name_of(file))
    if not (corpus or data):
        stop(["nothing to begin with; accepted: --corpus PATH, --data PATH, or both"])
    name = name or _name_of(file)
    given = (problem, text, label)
    if any(given) and (len(data) != 1 or problem == CORPUS):
        found = f"--problem {CORPUS}" if problem == CORPUS else f"{len(data)} of --data"
        stop([f"--problem, --text and --label are of one --data with labels; found {found}"])
    if not re.fullmatch(NAME_PATTERN, name):
        stop([f"--name: {name!r} is no name; accepted: letters, digits, - and _"])
    try:
        of_pictures = [path for path in data if is_pictures(path, problem)]
        if of_pictures:
            written_text = _on_pictures(file, name, corpus, data, given)
        else:
            written_text = _text(file, name, corpus, [(path, *given) for path in data])
    except StageError as error:
        stop([str(error)])
    try:
        with file.open("x", encoding="utf-8") as written:
            written.write(written_text)
    except OSError as error:
        stop([f"{file}: cannot be written: {error.strerror}"])
    out.print(written_text, highlight=False, markup=False)
    out.print(f"written: {file}; next:", highlight=False, markup=False)
    for line in (f"temper plan {file} --time", f"temper run {file}"):
        out.print(f"  {line}", highlight=False, markup=False)


def _on_pictures(
    file: Path, name: str, corpus: str, data: Sequence[str], given: tuple[str, str, str]
) -> str:
    """The experiment on a folder of pictures; they are read to their end.

    Raises:
        StageError: they cannot be read, or more is given than a folder of pictures.
    """
    if corpus or len(data) > 1 or any(given[1:]):
        raise StageError(
            f"--data: {data[0]} is of pictures; accepted with it: --name and --problem alone"
        )
    return described_pictures(data[0], given[0], relative(data[0], file.absolute().parent), name)


def require_new(file: Path) -> None:
    """Check that a file can be written, and is not there yet; end the program if not."""
    if file.suffix.lower() not in (".yaml", ".yml"):
        stop([f"{file}: accepted: a file that ends in .yaml"])
    if file.exists() or file.is_symlink():
        stop([f"{file} is there already, and is not overwritten; choose another name"])
    if not file.absolute().parent.is_dir():
        stop([f"{file}: no folder {file.absolute().parent}"])


def _name_of(file: Path) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", file.stem).strip("-_") or "experiment"


def _text(file: Path, name: str, corpus: str, data: Sequence[tuple[str, str, str, str]]) -> str:
    """The experiment; the data are read to their end.

    Args:
        file: to write.
        name: of the experiment.
        corpus: the path of the text; "" for none.
        data: the path, the problem, and the columns of texts and labels of each; "" to guess.

    Raises:
        StageError: they cannot be read, or are not what they are given for.
    """
    folder = file.absolute().parent
    text = guess(corpus, CORPUS) if corpus else None
    labelled = []
    for path, *given in data:
        found = guess(path, *given)
        if is_corpus(found):
            raise StageError(
                f"--data: {path} has no labels that can be guessed; accepted: --label COLUMN; see "
                "`temper data`"
            )
        labelled.append(checked(found))
    names = [each.guess.name for each in labelled]
    if twice := next((each for each in names if names.count(each) > 1), ""):
        raise StageError(f"--data: two are called {twice}; rename one of the files")
    return experiment_text(name, text, labelled, folder)
