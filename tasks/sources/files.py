"""A file or a folder of files.

Text is in .txt and .md files, text or labelled rows in .csv, .tsv, .jsonl, .json, .parquet, .arrow
and .feather files, and tagged tokens in .conll, .conllu, .bio, .iob and .iob2 files. A file without
such an ending that a person names, or that is named after a split, is what its content is
(`sniffing.py`); so is a .txt file with labels, and a file of a folder without any such ending. Any
of them may be packed: `test.csv.gz`, `.xz`, `.zst`. The .json files of a folder are read where no
other file is, or if named after a split: others describe the data.

The identity is the digest of each file under its name in the folder, so that moving the folder
changes nothing; for text also the meaning of `documents: auto`, which depends on the location. A
folder with files for train, validation and test gives its own splits: the word is in the name of
the file or of its folder (`train.csv`, `emerging.dev.conll`, `test/part-0.parquet`).

A plan reads the first row of each file (`first_rows`, `first_documents`), or of some of very many,
which reveals another encoding, a missing column or a truncated table before anything is computed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from tasks.contract import StageError
from tasks.data.rows import Column, Columns, Document, Row, Split
from tasks.experiment.corpus import Corpus
from tasks.machinery.host.digest_memo import digest_file, digest_files
from tasks.machinery.naming.paths import place
from tasks.sources import Holds, Progress, Source
from tasks.sources.columns import text_in
from tasks.sources.conll import conll
from tasks.sources.delimited import NAMES, mark_of
from tasks.sources.entities.word_rows import sentences_by
from tasks.sources.folders import (
    FOR_ROWS,
    FOR_TEXT,
    SPLIT_WORDS,
    files_in,
    files_under,
    hidden_under,
    links_out,
    mismatched,
    nothing_at,
    readable,
    require_names,
    require_truth,
    splits_in,
    splits_of,
)
from tasks.sources.formats import READERS, TABLES, TAGGED, TEXTS, Record
from tasks.sources.formats import documents as text_documents
from tasks.sources.lines import LATIN1, UTF8, File, encoding_of, lines, suffix_of
from tasks.sources.packing import PACKED
from tasks.sources.sniffing import format_of

BINARY = (".parquet", ".arrow", ".feather")

# The entry of an identity that states what `documents: auto` means: a file or a paragraph. No file
# has such a name.
UNIT = "/documents"

_UNPACKED = 10  # times as large as packed, about
_MOST_LOOKED_INTO = 1_000  # files that a plan opens, evenly spaced: each takes a tenth of a ms

WRITTEN = "a file or a folder"
HOLDS = ""
LIBRARIES = ()

First = TypeVar("First", Document, Row)


def claims(_location: str) -> bool:
    """Every location may be a path: this kind is asked last."""
    return True


def name_of(identity: dict[str, str]) -> str:
    """The name of the first file, and how many more there are."""
    first, *more = [name for name in identity if name != UNIT]
    return f"{first} and {len(more)} more" if more else first


def identify(location: str, field: str, holds: Holds | None) -> dict[str, str]:
    """The SHA-256 of each file by its relative name, and for text the meaning of `auto`.

    Raises:
        StageError: there is no such file or folder, or nothing readable in it.
    """
    try:
        return _identified(location, field, holds)
    except OSError as error:  # not absent, but no permission, or a name that is too long
        raise StageError(
            f"{field}: {error.filename or location} cannot be read: {error.strerror}"
        ) from None


def _identified(location: str, field: str, holds: Holds | None) -> dict[str, str]:
    root = place(location)
    accepted = _accepted(holds)
    if root.is_dir():
        paths = files_in(root, accepted, field)
        above = len(str(root / "_")) - 1
        names = {str(path)[above:]: path for path in paths}
    elif root.is_file():
        found = format_of(File(root, root.name), rows=accepted is FOR_ROWS)
        if found not in accepted and root.stat().st_size:
            raise StageError(
                f"{field}: {location} is a {suffix_of(root) or 'file without an ending'}"
                f"{_unlike(found, accepted)}; accepted: {', '.join(accepted)}, or a folder of them"
            )
        names = {root.name: root}
    else:
        raise StageError(f"{field}: {nothing_at(root)}")
    require_names(names, field)
    empty = [name for name, path in names.items() if path.stat().st_size == 0]
    if empty:
        raise StageError(f"{field}: {_empty_files(empty)}")
    ordered = sorted(names)
    paths = [names[name] for name in ordered]
    digests = dict(zip(ordered, digest_files(paths), strict=True))
    every = (File(path, name) for name, path in names.items())
    if holds in {None, "text"} and any(format_of(file, rows=False) in TEXTS for file in every):
        digests[UNIT] = "file" if root.is_dir() else "paragraph"
    return digests


def _empty_files(names: Sequence[str]) -> str:
    """`a.txt, b.txt and 3 more are empty …`."""
    more = f" and {len(names) - 8:,} more" if len(names) > 8 else ""
    are, them = ("are", "them") if len(names) > 1 else ("is", "it")
    return (
        f"{', '.join(sorted(names)[:8])}{more} {are} empty (0 bytes): add content or remove {them}"
    )


def _unlike(found: str, accepted: tuple[str, ...]) -> str:
    """What the content of a file is like, where that is not what is needed."""
    if found == ".txt":
        return " of text without labels" if accepted is FOR_ROWS else ""
    return " of tagged words" if found in TAGGED else ""


def documents(source: Source, corpus: Corpus, progress: Progress) -> Iterator[Document]:
    """The documents of text files, and the text column of tables."""
    for file in _told(source, _files(source, FOR_TEXT), progress):
        unit = source.identity.get(UNIT, "") if corpus.documents == "auto" else corpus.documents
        yield from _documents_in(file, corpus, unit)


def first_documents(source: Source, corpus: Corpus) -> list[Document]:
    """The first document of each file; for a text its first line.

    Raises:
        StageError: the start of a file is invalid, or it is empty.
    """
    return _firsts(_files(source, FOR_TEXT), lambda file: _documents_in(file, corpus, "line"))


def _documents_in(file: File, corpus: Corpus, unit: str) -> Iterator[Document]:
    found = format_of(file, rows=False)
    if found in TEXTS:
        yield from text_documents(file, unit)
        return
    column = Column(corpus.text_column, "corpus.text_column")
    for where, values in TABLES[found](file, [column]):
        yield Document(where, text_in(values, column, where))


def rows(source: Source, columns: Columns, progress: Progress) -> Iterator[Row]:
    """The labelled rows, in the splits given by the names of the files."""
    files = _files(source, FOR_ROWS)
    splits = splits_of([file.name for file in files])
    for file in _told(source, files, progress):
        yield from _rows_in(file, columns, splits[file.name])


def first_rows(source: Source, columns: Columns) -> list[Row]:
    """The first row of each file, in the split given by its name, if its name gives one.

    Raises:
        StageError: the start of a file is invalid, or it is empty.
    """
    files = _files(source, FOR_ROWS)
    splits = splits_of([file.name for file in files])
    found = _firsts(files, lambda file: _rows_in(file, columns, splits[file.name]))
    # The first rows of a table do not show which splits its column has.
    return [replace(row, split="") for row in found] if columns.split else found


def _rows_in(file: File, columns: Columns, split: Split) -> Iterator[Row]:
    if split == "test":
        require_truth(file, columns.needed)
    own = columns.split if not split else None
    needed = [*columns.needed, *([own] if own else []), Column(columns.document)]
    for where, values in reader_of(file)(file, needed):
        told = _split_in(values, own, where) if own else split
        yield Row(told, columns.document_of(values), values, where)


def _split_in(values: Mapping[str, Any], column: Column, where: str) -> Split:
    """The split that a row is of by its column.

    Raises:
        StageError: it has no word for one.
    """
    word = values[column.name]
    found = SPLIT_WORDS.get(word.strip().lower()) if isinstance(word, str) else None
    if found is None:
        raise StageError(
            f"{where}: column {column.name!r} must be the split, found {word!r:.60} "
            f"({column.field}); accepted: {', '.join(sorted(SPLIT_WORDS))}"
        )
    return found


def reader_of(file: File) -> Callable[[File, Sequence[Column]], Iterator[Record]]:
    """The reader of a file with rows; a text that is like no table has a token a line."""
    return READERS.get(format_of(file, rows=True), conll)


def _firsts(files: list[File], read: Callable[[File], Iterator[First]]) -> list[First]:
    found: list[First] = []
    for file in files[:: -(-len(files) // _MOST_LOOKED_INTO)]:
        first = next(read(file), None)
        if first is not None:
            found.append(first)
        elif len(files) == 1 or file.suffix not in BINARY:  # writers leave empty parts
            raise StageError(f"{file.name} {_barren(file)}: add content or remove it")
    if not found:
        raise StageError(f"none of its {len(files)} files contains a row")
    return found


def _barren(file: File) -> str:
    if file.suffix in (*BINARY, ".json"):
        return "contains no rows"
    blank = not any(line.strip() for _, line in lines(file))
    return "contains only blank lines" if blank else "contains a header and no rows"


def files_of(source: Source, *, rows: bool) -> list[File]:
    """The files of a source, to look at: those with labelled rows, or those with text."""
    return _files(source, FOR_ROWS if rows else FOR_TEXT)


def _files(source: Source, accepted: tuple[str, ...]) -> list[File]:
    """The files that the identity names, of the accepted types."""
    root = place(source.location)
    every = {name: root / name for name in source.identity if name != UNIT}
    if not root.is_dir():
        every = dict.fromkeys(every, root)
    elif len(read := readable([*every.values()], accepted)) < len(every):
        kept = set(read)
        every = {name: path for name, path in every.items() if path in kept}
    if not every:
        raise StageError(
            f"{source.location}: {source.name} has no file of an accepted type; "
            f"accepted: {', '.join(accepted)}"
        )
    files = [File(path, name) for name, path in every.items()]
    gone = [file.name for file in files if not file.path.is_file()]
    if gone:
        raise StageError(f"{source.location}: {gone[0]} was deleted after the run was planned")
    return files


def _told(source: Source, files: list[File], progress: Progress) -> Iterator[File]:
    """The files one by one, reporting the progress in megabytes.

    Raises:
        StageError: a file changed after the run was planned and its key computed.
    """
    sizes = [file.path.stat().st_size for file in files]
    total, read = sum(sizes), 0
    for file, own in zip(files, sizes, strict=True):
        progress(read // 10**6, -(-total // 10**6), "MB")
        yield file
        read += own
        if digest_file(file.path) != source.identity[file.name]:
            raise StageError(
                f"{source.location}: {file.name} was changed after the run was planned; run it "
                "again to read the current file"
            )


def _accepted(holds: Holds | None) -> tuple[str, ...]:
    if holds is None:
        return (*TEXTS, *FOR_ROWS)
    return FOR_TEXT if holds == "text" else FOR_ROWS


def remarks(source: Source) -> list[str]:
    """What a person may not expect: files passed over, links out of the folder, joined splits."""
    root = place(source.location)
    if not root.is_dir():
        return []
    every = [path.relative_to(root).as_posix() for path in files_under(root, (), "")]
    apart = {n: own for n, own in mismatched(every).items() if n not in source.identity}
    passed = sorted(name for name in every if name not in {*source.identity, *apart})
    found = [
        f"{name} is no part of {own}, and is passed over; evaluate_also: [{{name: mismatched, "
        f"source: …/{name}}}] tests on it too"
        for name, own in sorted(apart.items())
    ]
    found += (
        [
            f"{len(passed)} files of other types are passed over, such as {passed[0]}"
            if len(passed) > 1
            else f"the file {passed[0]} is passed over, as it is of another type"
        ]
        if passed
        else []
    )
    names = [name for name in source.identity if name != UNIT]
    found += links_out(root, names) + hidden_under(root)
    for split in ("train", "validation", "test"):
        own = [name for name in names if split in splits_in(name)]
        if len({re.sub(r"[0-9]+", "", name) for name in own}) > 1:
            found.append(f"{len(own)} files are the {split} split: {', '.join(own[:4])}")
    return found


def guesses(source: Source, *, rows: bool) -> list[tuple[str, str]]:
    """What is concluded from the content of the files: what, and which file.

    Args:
        source: the files.
        rows: whether they are read as rows with labels, or as text.
    """
    found = []
    for file in files_of(source, rows=rows):
        form = format_of(file, rows=rows)
        if form not in ("", ".arrow" if file.suffix == ".feather" else file.suffix):
            found.append((f"files read as {form} by their content", file.name))
        if form in BINARY:
            continue
        if (encoding := encoding_of(file)) == LATIN1:
            found.append(("files read as Latin-1, a guess: they are not UTF-8", file.name))
        elif encoding != UTF8:
            found.append((f"files in {encoding}", file.name))
        usual = {".csv": ",", ".tsv": "\t"}.get(form)
        if usual and (mark := mark_of(file, usual)) != usual:
            found.append((f"tables separated by {NAMES[mark]}, by their first lines", file.name))
        if usual and (column := sentences_by(READERS[form](file, []))):
            found.append((f"tables with a word a row, in sentences by {column!r}", file.name))
    return found


def size(source: Source) -> int:
    """Bytes of the files that the identity names; of packed ones about what they unpack to."""
    root = place(source.location)
    alone = not root.is_dir()
    sizes = {
        name: (root if alone else root / name).stat().st_size
        for name in source.identity
        if name != UNIT
    }
    return sum(
        _UNPACKED * size if Path(name).suffix.lower() in PACKED else size
        for name, size in sizes.items()
    )
