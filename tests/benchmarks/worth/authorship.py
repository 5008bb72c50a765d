"""Who wrote a passage: books of the public domain, split by book.

Of each author with at least two books, one book is for the test. So a model cannot recognize an
author by the names of a story: it has to know the style.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

WORDS = 100  # of a passage, at least: paragraphs are joined until they have so many
EACH = {"train": 20, "validation": 20, "test": 60}  # passages of an author, at most
_AUTHOR = re.compile(r"^## Author: (.+?)\s*$", re.MULTILINE)
_HEAD = "-------"


@dataclass(frozen=True)
class Book:
    """A book.

    Attributes:
        name: of its file.
        author: as it states.
        text: without its first lines, which name the author.
    """

    name: str
    author: str
    text: str

    @classmethod
    def read(cls, file: Path) -> Book:
        """A book of a Markdown file.

        Raises:
            ValueError: it states no author.
        """
        head, _, text = file.read_text(encoding="utf-8").partition(_HEAD)
        author = _AUTHOR.search(head)
        if author is None:
            raise ValueError(f"{file}: no line `## Author: …` before `{_HEAD}`")
        return cls(file.stem, author.group(1), text)

    def passages(self) -> Iterator[str]:
        """Its paragraphs, joined until they have `WORDS` words; headings and the rest are left."""
        found: list[str] = []
        for line in filter(None, map(str.strip, self.text.splitlines())):
            if line.startswith("#"):
                continue
            found += line.split()
            if len(found) >= WORDS:
                yield " ".join(found)
                found = []


def write_authorship(books: Path, out: Path, seed: int = 0) -> None:
    """Write `corpus/` (the books that are not tested), and `labelled/` with a table for each split.

    The longest book of an author stays in the corpus; of the others the longest is tested. Passages
    for training and validation are drawn from the corpus.
    """
    generator = np.random.default_rng(seed)
    found: dict[str, list[Book]] = {}
    for file in sorted(books.glob("*.md")):
        book = Book.read(file)
        found.setdefault(book.author, []).append(book)
    (out / "corpus").mkdir(parents=True)
    (out / "labelled").mkdir()
    rows: dict[str, list[tuple[str, str, str]]] = {split: [] for split in EACH}
    for author, theirs in found.items():
        by_length = sorted(theirs, key=lambda book: -len(book.text))
        kept = [by_length[0], *by_length[2:]] if len(by_length) > 1 else by_length
        for book in kept:
            (out / "corpus" / f"{book.name}.txt").write_text(book.text, encoding="utf-8")
        if len(by_length) < 2:
            continue
        both = EACH["train"] + EACH["validation"]
        known = draw([each for book in kept for each in book.passages()], both, generator)
        for split, texts in {
            "train": known[: EACH["train"]],
            "validation": known[EACH["train"] :],
            "test": draw(list(by_length[1].passages()), EACH["test"], generator),
        }.items():
            rows[split] += [(f"{author} {split} {i}", text, author) for i, text in enumerate(texts)]
    for split, written in rows.items():
        with (out / "labelled" / f"{split}.csv").open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(["document", "text", "label"])
            table.writerows(written)


def draw(passages: Sequence[str], count: int, generator: np.random.Generator) -> list[str]:
    """So many passages at random, or all if there are fewer."""
    chosen = generator.permutation(len(passages))[:count]
    return [passages[i] for i in chosen]
