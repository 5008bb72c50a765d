"""What a corpus must leave out: the documents and the texts of the test splits.

A labelled data set writes `held_out.parquet` from its test rows alone, so that a change in its
training rows does not reach the corpus. A document of the corpus is left out when its id is there,
or when its whole text, one of its
paragraphs, lines or sentences is a test row's text. Parts with fewer than 32 normalized characters
are passed over: "Returns a list." would take half the corpus along.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from tasks.digests import digest_of, normalize
from tasks.sentences import sentences_of, split_paragraphs
from tasks.tables import TableWriter, read_table

COLUMNS = {"document": "string", "digest": "bytes"}
LEAST_CHARACTERS = 32


def write_held_out(path: Path, rows: Iterable[tuple[str, bytes]]) -> None:
    """Write what identifies test rows, (document id or "", digest), in a fixed order, each once."""
    with TableWriter(path, COLUMNS) as table:
        for document, key in sorted(set(rows)):
            table.write({"document": document, "digest": key}, len(document) + 8)


class HeldOut:
    """The documents and texts of test splits."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self.documents: set[str] = set()
        self.digests: set[bytes] = set()
        for row in (row for path in paths for row in read_table(path)):
            self.documents.add(row["document"])
            self.digests.add(row["digest"])
        self.documents.discard("")

    def covers(self, name: str, text: str, key: bytes) -> bool:
        """Whether a document, known by its digest `key`, or a part of it is in a test split."""
        if not self.digests:
            return False
        return (
            name in self.documents
            or key in self.digests
            or any(
                digest_of(part) in self.digests
                for part in _parts(text)
                if len(part) >= LEAST_CHARACTERS
            )
        )


def _parts(text: str) -> Iterator[str]:
    """Paragraphs, sentences, and lines where a paragraph has several, normalized."""
    paragraphs = split_paragraphs(text)
    for paragraph in paragraphs:
        sentences = [normalize(sentence) for sentence in sentences_of(paragraph)]
        yield from sentences
        if len(sentences) > 1:
            yield " ".join(sentences)
    seen = set(paragraphs)
    yield from (normalize(line) for line in text.splitlines() if line.strip() not in seen)
