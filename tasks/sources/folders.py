"""The files of a folder: which of them are read, and which split each is of by its name."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tasks.contract import StageError
from tasks.data.rows import Column, Split
from tasks.machinery.naming.links import outside
from tasks.machinery.naming.spelling import nearest_path
from tasks.sources.columns import listed
from tasks.sources.formats import TABLES, TAGGED, TEXTS
from tasks.sources.lines import File, suffix_of
from tasks.sources.sniffing import NO_DATA, format_of

FOR_TEXT = (*TEXTS, *TABLES)
FOR_ROWS = (*TABLES, *TAGGED)
SPLIT_WORDS: dict[str, Split] = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev", "development"), "validation"),
    **dict.fromkeys(("test", "testing", "eval"), "test"),
}
# Hidden entries that hold no data, in many folders.
_OF_PROGRAMS = re.compile(
    r"\.(_.*|DS_Store|git\w*|ipynb_checkpoints|cache|huggingface|venv|vscode|idea|temper|\w+_cache"
    r"|.*\.sw[a-z]|nfs\w+|dvc\w*|localized|directory)"
)
_OF_OTHERS = re.compile(r"(?<![a-z])mismatched(?![a-z])")


def files_in(root: Path, accepted: tuple[str, ...], field: str) -> list[Path]:
    """Files to read, at any depth, except hidden files and folders."""
    every = sorted(files_under(root, (), field), key=lambda path: path.parts)
    chosen = readable(every, accepted)
    if others := [path for path in chosen if not _may_describe(path)]:
        chosen = others
    broken = [path for path in chosen if not path.is_file()]  # a pipe would block for ever
    if broken:
        raise StageError(f"{field}: {nothing_at(broken[0])}; fix or remove it")
    if not chosen:
        endings = sorted({path.suffix or path.name for path in every})
        found = f"only {', '.join(endings[:8])}" if every else "nothing"
        raise StageError(
            f"{field}: found {found} in the folder {root}; accepted: {', '.join(accepted)}"
            + "".join(f" ({each})" for each in hidden_under(root))
        )
    if accepted is FOR_ROWS:
        _require_no_split_passed_over(root, every, chosen, field)
    if accepted is not FOR_TEXT:  # text to pre-train on has no splits
        names = {path.relative_to(root).as_posix(): path for path in chosen}
        second = mismatched([*names])
        chosen = [path for name, path in names.items() if name not in second]
    return chosen


def mismatched(names: Iterable[str]) -> dict[str, str]:
    """The files of a folder that are of a second set of a split, each with that of the first.

    MNLI has two sets for development and for the test: of the same domains as its training rows
    (`dev_matched.tsv`), and of others (`dev_mismatched.tsv`). They are no one set.
    """
    there = set(names)
    first = {name: _OF_OTHERS.sub("matched", name) for name in there}
    return {name: own for name, own in first.items() if name != own and own in there}


def require_names(names: Iterable[str], field: str) -> None:
    """Check that the names of files are text: ids and pages have them.

    Raises:
        StageError: one has bytes that are not UTF-8, as archives of other systems leave them.
    """
    for name in names:
        try:
            name.encode()
        except UnicodeEncodeError:
            raise StageError(
                f"{field}: the name of a file is not UTF-8: {name!a}; rename it, or all files: "
                "convmv -f latin1 -t utf8 --notest -r FOLDER"
            ) from None


def readable(paths: Sequence[Path], accepted: tuple[str, ...]) -> list[Path]:
    """The files of a folder that are read; where no name shows it, those without an ending."""
    found = [path for path in paths if _is_of(path, accepted)]
    return found or [path for path in paths if _is_of_by_content(path, accepted)]


def _is_of(path: Path, accepted: tuple[str, ...]) -> bool:
    """Whether a file of a folder is read: by its ending, or by its content if it is a split."""
    suffix = suffix_of(path)
    if suffix in accepted:
        return True
    if accepted is not FOR_ROWS or not splits_in(path.name):
        return False
    if suffix == ".txt" or not path.is_file():  # a broken link is an error, whatever it was
        return True
    return format_of(File(path, path.name), rows=True) in accepted


def _is_of_by_content(path: Path, accepted: tuple[str, ...]) -> bool:
    if suffix_of(path) or not path.is_file():
        return False
    return format_of(File(path, path.name), rows=accepted is FOR_ROWS) in accepted


def _may_describe(path: Path) -> bool:
    """Whether a file may describe the data beside it, and be none itself."""
    return suffix_of(path) == ".json" and not splits_in(path.name)


def _require_no_split_passed_over(
    root: Path, every: list[Path], chosen: list[Path], field: str
) -> None:
    """Check that no file that is named after a split is skipped while that split is missing.

    Raises:
        StageError: such a file would be passed over, and its split be taken from other rows.
    """
    read = set(chosen)
    there = {split for path in chosen for split in splits_in(path.relative_to(root).as_posix())}
    for path in every:
        name = path.relative_to(root)
        missing = splits_in(name.as_posix()) - there
        if path not in read and missing and suffix_of(path) not in NO_DATA:
            raise StageError(
                f"{field}: {name} is named after the {min(missing)} split, but a "
                f"{path.suffix or 'file without an ending'} is not read, and no other file is of "
                f"this split; accepted: {', '.join(FOR_ROWS)}. Convert, rename or remove it"
            )


def files_under(folder: Path, above: tuple[str, ...], field: str) -> Iterator[Path]:
    """What is in a folder but folders, also broken links and pipes; links to them are followed."""
    own = os.path.realpath(folder)
    if own in above:
        raise StageError(
            f"{field}: {folder} is a link back to {own}, a folder that contains it; remove the link"
        )
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                yield from files_under(Path(entry.path), (*above, own), field)
            else:
                yield Path(entry.path)


def hidden_under(root: Path) -> list[str]:
    """Remarks on files and folders whose names begin with a dot, and that no program wrote.

    Links to folders are not followed, and what is in a hidden folder is not counted.
    """
    found: list[Path] = []
    for folder, inside, files in os.walk(root):
        hidden = [name for name in [*inside, *files] if name.startswith(".")]
        found += [Path(folder, name) for name in hidden if not _OF_PROGRAMS.fullmatch(name)]
        inside[:] = sorted(name for name in inside if not name.startswith("."))
    if not found:
        return []
    first = min(found).relative_to(root)
    many = f"{len(found)} hidden entries are" if len(found) > 1 else "a hidden entry is"
    return [f"{many} passed over, as the name begins with a dot: {first}"]


def links_out(root: Path, names: list[str]) -> list[str]:
    """How many files are read from outside of the folder, since links are followed."""
    folders = {name.rpartition("/")[0] for name in names}
    linked = {folder for folder in folders if outside(root, folder) is not None}
    out = [
        name
        for name in names
        if name.rpartition("/")[0] in linked
        or ((root / name).is_symlink() and outside(root, name) is not None)
    ]
    if not out:
        return []
    told = f"{out[0]}, which is {outside(root, out[0])}"
    many = f"{len(out)} files are read through links out of the folder, such as {told}"
    return [many if len(out) > 1 else f"a file is read through a link out of the folder: {told}"]


def nothing_at(path: Path) -> str:
    """A description of a path that is neither a file nor a folder."""
    what = f"{path} is a link to {path.readlink()}, which" if path.is_symlink() else f"{path}"
    if path.exists():
        return f"{what} is neither a file nor a folder, but a device, a pipe or a socket"
    if path.is_symlink():
        return f"{what} does not exist"
    return f"there is no file or folder {path}{nearest_path(path)}"


def splits_of(names: list[str]) -> dict[str, Split]:
    """The split of each file by its name; "" for a single file.

    Raises:
        StageError: a name contains two splits, or only some of the names contain one.
    """
    if len(names) == 1:
        return {names[0]: ""}
    splits: dict[str, Split] = {}
    for name in names:
        told = sorted(splits_in(name))
        if len(told) > 1:
            raise StageError(f"{name}: the name has two splits, {' and '.join(told)}; rename it")
        splits[name] = told[0] if told else ""
    untold = [name for name, split in splits.items() if not split]
    if untold and len(untold) < len(names):
        raise StageError(
            f"{', '.join(untold[:5])}: the name has no split, and other files of the folder have "
            f"one in theirs; accepted: {', '.join(sorted(SPLIT_WORDS))}"
        )
    return splits


def splits_in(name: str) -> set[Split]:
    """The splits that a name has a word for."""
    words = set(re.split(r"[^a-z]+", name.lower()))
    return {SPLIT_WORDS[word] for word in words & SPLIT_WORDS.keys()}


def require_truth(file: File, columns: Sequence[Column]) -> None:
    """Check that a table for the test has the columns that are needed.

    Raises:
        StageError: it has not, as those of GLUE, whose labels are held back.
    """
    if file.suffix not in (".csv", ".tsv"):
        return
    try:
        first = next(TABLES[file.suffix](file, []), None)
    except StageError:  # a row that is read with the columns tells more
        return
    there = list(first[1]) if first else []
    numbers = set(map(str, range(len(there))))
    missing = [c for c in columns if c.field and c.name not in {*there, *numbers}]
    if first and missing and len(missing) < len([c for c in columns if c.field]):
        raise StageError(
            f"{file.name}: the test file has no column {missing[0].name!r} ({missing[0].field}); "
            f"columns there: {listed(map(repr, there))}. If its labels are held back, as in GLUE, "
            "nothing can be tested on it: move it out of the folder, and a test split is taken "
            "from the training rows; `temper predict` answers it"
        )
