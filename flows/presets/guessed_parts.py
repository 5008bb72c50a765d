"""The parts of an experiment's file that a guess about data gives."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

from flows.presets.guessing import BUILT_IN, CORPUS, SEVERAL, TEXTS, Guess
from tasks.machinery.naming.paths import place

_LEAST_TEXT = 500_000  # bytes
_SHORT = 120  # characters


def entry_of(guess: Guess, folder: Path, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The entry of a problem in an experiment's file.

    Args:
        guess: the data.
        folder: of the file, which paths are relative to.
        settings: further fields.
    """
    columns = {
        role: _as_yaml(name, guess)
        for role, name in guess.columns.items()
        if role != name or role == "split"
    }
    problem: dict[str, Any] = {"problem": guess.problem}
    if guess.problem == SEVERAL:
        problem = {"problem": TEXTS, "several_labels": True}
    entry = {"name": guess.name, **problem, "source": relative(guess.source.location, folder)}
    return entry | ({"columns": columns} if columns else {}) | dict(settings)


def corpus_of(guess: Guess, folder: Path) -> dict[str, Any]:
    """The part `corpus` of an experiment's file: these texts, or those of labelled rows.

    Where rows have no column of texts, or too little text to pre-train on, it is a built-in source.
    """
    labelled = guess.problem != CORPUS
    if labelled and ("text" not in guess.columns or guess.source.size() < _LEAST_TEXT):
        return {"source": BUILT_IN}
    column = guess.columns.get("text", "text")
    part: dict[str, Any] = {"source": relative(guess.source.location, folder)}
    if column != "text":
        part["text_column"] = _as_yaml(column, guess)
    if labelled and fmean(map(len, guess.seen.columns[column])) < _SHORT:
        part["min_characters"] = 1  # as sentences are; they are no remains of longer texts
    return part


def relative(location: str, folder: Path) -> str:
    """Where data are, relative to a folder that they are in."""
    path = place(location).absolute()
    return str(path.relative_to(folder.absolute()) if path.is_relative_to(folder) else path)


def _as_yaml(column: str, guess: Guess) -> str | int:
    return int(column) if guess.seen.numbered else column
