"""The rows that a model is to answer, as people have them: files, pipes, lists and tables."""

from __future__ import annotations

import sys
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Any

from tasks.contract import StageError
from tasks.machinery.host.foreign_json import read_foreign_json
from tasks.machinery.naming.paths import place

OPTIONS = ("--column", "--second-column")  # by which a person gives the columns
SKIPPED = "--skip-invalid (or skip_invalid=True) leaves such rows out and reports them"
SKIPPED_FILES = "--skip-invalid (or skip_invalid=True) leaves such files out and reports them"

Input = str | list[str] | tuple[str, str]

# A column by its name; or by its usual one and that in the rows that the model learnt from.
Names = str | tuple[str, str]


def note(text: str) -> None:
    """Print a message apart from the answers."""
    sys.stderr.write(f"temper: {text}\n")


def note_special_tokens(folder: Path, inputs: Iterable[Input]) -> None:
    """Report the inputs that have the name of a special token of a model, which it reads as that.

    Args:
        folder: of the model.
        inputs: texts, lists of words, or pairs of texts.

    Raises:
        StageError: its tokenizer cannot be read.
    """
    file = folder / "tokenizer.json"
    if not file.is_file():
        return
    added = read_foreign_json(file, f"{folder.name}: {file.name}").get("added_tokens") or []
    names = [each["content"] for each in added if each.get("special")]
    found = [each for each in inputs if any(name in _one(each) for name in names)]
    if found:
        text = _one(found[0])
        at, name = min((text.index(name), name) for name in names if name in text)
        shown = text[max(0, at - 40) : at + len(name) + 40]
        rows = "rows" if len(found) > 1 else "row"
        note(
            f"{len(found):,} {rows} with the name of a special token of the model, which reads it "
            f"as that token and not as text, for example {shown!r}"
        )


def _one(given: Input) -> str:
    return given if isinstance(given, str) else " ".join(given)


def chosen_names(columns: Sequence[Names], there: Container[str]) -> list[str]:
    """The columns to read: those that the model learnt from if they are there, else the usual ones.

    Args:
        columns: with their names.
        there: the columns of the table.
    """
    found = []
    for each in columns:
        if isinstance(each, str):
            found.append(each)
            continue
        usual, learnt = each
        # A number is of a table without a header, which cannot be told from one with another.
        own = usual not in there if learnt.isdecimal() else learnt in there
        if own:
            note(f"column {learnt!r} is read, as of the rows that the model learnt from")
        found.append(learnt if own else usual)
    return found


def input_of(values: Sequence[Any], where: str, texts: int, *, words: bool) -> Input:
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
        from tasks.problems.token_classification.words import words_in

        value = words_in(value) if isinstance(value, str) else value
        if isinstance(value, list) and value and all(isinstance(each, str) for each in value):
            return [encodable(each, where) for each in value]
    elif isinstance(value, str) and value.strip():
        return encodable(value, where)
    wanted = "a text of words, or a list of them" if words else "a text"
    raise StageError(f"{where}: found {value!r:.60}; accepted: {wanted} in each row")


def in_memory(rows: Any, *columns: Names, words: bool) -> Iterator[Input]:
    """What the model reads in each row of a table, or in each of some inputs.

    Args:
        rows: a table of pandas, or texts, lists of words, or pairs of texts.
        columns: of a table, with the texts or words; two for pairs of texts.
        words: whether a row is a list of words; a text is split as labelled texts are.

    Raises:
        StageError: a column is missing, or a row is not what the model reads.
    """
    import pandas as pd

    if isinstance(rows, pd.DataFrame):
        names = chosen_names(columns, rows.columns)
        missing = [name for name in names if name not in rows]
        if missing:
            raise StageError(
                f"rows: the table has no column {missing[0]!r}; it has: "
                f"{', '.join(map(str, rows.columns))}; accepted: column= with one of them"
            )
        given: Iterator[Any] = rows[names].itertuples(index=False, name=None)
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
        yield input_of([_listed(value) for value in values], where, len(columns), words=words)


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
