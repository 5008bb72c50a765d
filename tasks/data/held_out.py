"""Held-out data: the documents and texts of the test splits, which a corpus must exclude.

A labelled data set writes `held_out.parquet` from its test rows alone, so that a change in its
training rows does not affect the corpus. It contains the ids of their documents, and digests of
their texts and of the parts of these: sentences, lines and paragraphs. A corpus excludes a document
if

- its id is there;
- its whole text is a test row's text;
- any part of it is a part of a test row's text.

So a passage is found at any place in a document, also if only a part of it occurs there. A passage
that is a piece of a single longer sentence is not found. A part has at least 32 normalized
characters: "Returns a list." would exclude half the corpus. A shorter sentence is joined with the
sentences after it until it is long enough. Common longer sentences exclude some documents
needlessly: about 3 % of the docstrings of `builtin:pydocs`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from tasks.data.same_text import digest, digest_of, normalize
from tasks.data.tables import TableWriter, read_table
from tasks.data.text.sentences import sentences_of, split_paragraphs
from tasks.machinery.host.digest_memo import digest_file

COLUMNS = {"document": "string", "digest": "bytes"}
LEAST_CHARACTERS = 32


def write_held_out(path: Path, rows: Iterable[tuple[str, bytes]]) -> None:
    """Write the identifiers of test rows, (document id or "", digest), sorted and unique."""
    with TableWriter(path, COLUMNS) as table:
        for document, key in sorted(set(rows)):
            table.write({"document": document, "digest": key}, len(document) + 8)


def digests_of(text: str) -> Iterator[bytes]:
    """The digests of a text and of its parts."""
    yield digest(text)
    yield from map(digest_of, _parts(text))


def split_name(path: Path) -> str:
    """A test split's name on cards: derived from its content, which is all the corpus knows."""
    return digest_file(path)[:8]


class HeldOut:
    """The documents and texts of test splits, one file per split."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self.splits: dict[str, tuple[set[str], set[bytes]]] = {}
        for path in paths:
            documents, digests = set[str](), set[bytes]()
            for row in read_table(path):
                documents.add(row["document"])
                digests.add(row["digest"])
            self.splits[split_name(path)] = documents - {""}, digests

    def holding(self, name: str, text: str) -> list[str]:
        """The test splits that contain a document or a part of it."""
        if not self.splits:
            return []
        keys = set(digests_of(text))
        return [
            split
            for split, (documents, digests) in self.splits.items()
            if name in documents or not keys.isdisjoint(digests)
        ]

    def has(self, text: str) -> bool:
        """Whether a text is that of a test row, or a part of one."""
        return any(digest(text) in digests for _, digests in self.splits.values())


def _parts(text: str) -> Iterator[str]:
    """Paragraphs, lines and sentences, normalized and long enough."""
    sentences: list[str] = []
    blocks = text.splitlines()
    for paragraph in split_paragraphs(text):
        found = [normalize(sentence) for sentence in sentences_of(paragraph)]
        sentences += found
        if len(found) > 1:
            blocks.append(paragraph)
    yield from _runs(sentences)
    known = set(sentences)
    for part in map(normalize, blocks):
        if len(part) >= LEAST_CHARACTERS and part not in known:
            yield part


def _runs(sentences: list[str]) -> Iterator[str]:
    """Each sentence, joined with the following ones until it is long enough."""
    for start, sentence in enumerate(sentences):
        run, stop = sentence, start + 1
        while len(run) < LEAST_CHARACTERS and stop < len(sentences):
            run = f"{run} {sentences[stop]}"
            stop += 1
        if len(run) >= LEAST_CHARACTERS:
            yield run
