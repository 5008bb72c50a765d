"""Held-out data: the documents and texts of the test splits, which a corpus must exclude.

A labelled data set writes `held_out.parquet` from its test rows alone, so that a change in its
training rows does not affect the corpus. It contains the ids of their documents, and digests of
their texts and of the parts of these: sentences, lines and paragraphs. A corpus excludes a document
if

- its id is there;
- its whole text is a test row's text;
- any part of it is a part of a test row's text.

So a passage is found at any place in a document, also if only a part of it occurs there, however it
is wrapped or split into tokens: parts are compared by letters, marks, digits and symbols alone. A
passage that is a piece of a single longer sentence is not found. A part is at least as long as 27
Latin letters: "Returns a list." would exclude half the corpus. A shorter sentence is joined with
the sentences after it until it is long enough. Common longer sentences exclude some documents
needlessly: about 3 % of the docstrings of `builtin:pydocs`.

A document that is not excluded, but contains at least half of the shingles of a test row, is a near
duplicate: it stays, and is counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tasks.data.same_text import content, digest_of
from tasks.data.shingles import ShingleIndex, shingles
from tasks.data.tables import TableWriter, read_table
from tasks.data.text.scripts import letters
from tasks.data.text.sentences import sentences_of, split_paragraphs
from tasks.machinery.host.digest_memo import digest_file

COLUMNS = {"document": "string", "digest": "digest", "shingles": "bytes"}
LEAST_LETTERS = 27


class Identifier(NamedTuple):
    """An identifier of a test row: of its document, of its text, or of a part of it.

    Attributes:
        document: the id of its document; empty if it has none.
        digest: of the whole text, or of a part.
        shingles: of the whole text, as bytes; empty for a part.
    """

    document: str
    digest: bytes
    shingles: bytes = b""


def write_held_out(path: Path, rows: Iterable[Identifier]) -> None:
    """Write the identifiers of test rows, sorted and unique."""
    with TableWriter(path, COLUMNS) as table:
        for row in sorted(set(rows)):
            table.write(row._asdict(), len(row.document) + 8 + len(row.shingles))


def identifiers(document: str, text: str) -> Iterator[Identifier]:
    """The identifiers of a test row: of its text, and of the parts of it."""
    whole = content(text)
    yield Identifier(document, digest_of(whole), shingles(whole).tobytes())
    for part in _parts(text):
        yield Identifier(document, digest_of(part))


def split_name(path: Path) -> str:
    """A test split's name on cards: derived from its content, which is all the corpus knows."""
    return digest_file(path)[:8]


class Found(NamedTuple):
    """The test splits that a document leaks: it contains a row or a part of one, or is near one."""

    containing: list[str]
    near: list[str]


class HeldOut:
    """The documents and texts of test splits, one file per split."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self.splits: dict[str, tuple[set[str], set[bytes], ShingleIndex]] = {}
        for path in paths:
            documents, digests, texts = set[str](), set[bytes](), []
            for row in read_table(path):
                documents.add(row["document"])
                digests.add(row["digest"])
                if row["shingles"]:
                    texts.append(np.frombuffer(row["shingles"], np.uint64))
            self.splits[split_name(path)] = documents - {""}, digests, ShingleIndex(texts)

    def search(self, name: str, text: str, *, parts: bool = True) -> Found:
        """The test splits that contain a document or a part of it, and those that it is near.

        Args:
            name: the document's id; "" for none.
            text: its text.
            parts: whether its parts are searched for too, not only the whole.
        """
        if not self.splits:
            return Found([], [])
        whole = content(text)
        keys = {digest_of(whole), *(map(digest_of, _parts(text)) if parts else ())}
        containing = [
            split
            for split, (documents, digests, _) in self.splits.items()
            if name in documents or not keys.isdisjoint(digests)
        ]
        if containing:
            return Found(containing, [])
        pieces = shingles(whole)
        return Found([], [s for s, each in self.splits.items() if each[2].shares_much(pieces)])


def _is_long(content: str) -> bool:
    """Whether a part is long enough to identify a text."""
    return letters(content) >= LEAST_LETTERS


def _parts(text: str) -> Iterator[str]:
    """The content of paragraphs, lines and sentences that are long enough."""
    sentences: list[str] = []
    blocks = text.splitlines()
    for paragraph in split_paragraphs(text):
        found = [content(sentence) for sentence in sentences_of(paragraph)]
        sentences += found
        if len(found) > 1:
            blocks.append(paragraph)
    yield from _runs(sentences)
    known = set(sentences)
    for part in map(content, blocks):
        if _is_long(part) and part not in known:
            yield part


def _runs(sentences: list[str]) -> Iterator[str]:
    """Each sentence, joined with the following ones until it is long enough."""
    for start, sentence in enumerate(sentences):
        run, stop = sentence, start + 1
        while not _is_long(run) and stop < len(sentences):
            run += sentences[stop]
            stop += 1
        if _is_long(run):
            yield run
