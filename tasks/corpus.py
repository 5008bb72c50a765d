"""Stage `corpus`: documents to pre-train on, without duplicates and what a test split holds.

Documents flow from the source to Parquet one at a time; in memory stay eight bytes of each.
"""

from __future__ import annotations

from bisect import insort
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from types import TracebackType
from typing import Self

from tasks.card import Card
from tasks.digests import digest, share
from tasks.held_out import HeldOut
from tasks.machinery.stage import Monitor, StageError
from tasks.rows import encodable
from tasks.sources import Document, Source
from tasks.spec import Corpus
from tasks.tables import TableWriter, read_table, write_dataset_file

SPLITS = ("train", "validation")
FEWEST_VALIDATION = 8
COLUMNS = {"document": "string", "text": "string"}


def prepare_corpus(
    corpus: Corpus,
    source: Source,
    held_out: Sequence[Path],
    seed: int,
    *,
    out: Path,
    monitor: Monitor,
) -> dict[str, float]:
    """Read, deduplicate and split the documents of a source.

    A document falls into the validation split by a hash of the seed and its id. Of a small corpus,
    at least a tenth does, up to 8 documents: a loss measured on one document says little.

    Args:
        corpus: Its part of the experiment.
        source: Where the text comes from.
        held_out: `held_out.parquet` of each labelled data set: what their test splits hold goes.
        seed: Of the split.
        out: Empty folder for train.parquet, validation.parquet, dataset.json and `show/`.
        monitor: Is told how far the reading is.

    Returns:
        documents, train_documents, validation_documents and characters of what is kept, and how
        many documents are not: duplicates, short_documents, held_out_documents.

    Raises:
        StageError: the source cannot be read, or fewer than two documents are left of it.
    """
    selection = _Selection(corpus, HeldOut(held_out))
    splits, ends = _Splits(source.name, out), _Ends()
    with splits, closing(source.documents(corpus, monitor.progress)) as documents:
        for document in islice(documents, corpus.max_documents or None):
            text, key = selection.accept(document)
            if not text:
                continue
            position = share(seed, document.name)
            ends.add(position, document.name)
            split = "validation" if position < corpus.validation_share else "train"
            splits.write(split, document.name, text, key)
    if selection.found["documents"] < 2:
        raise StageError(_too_few(corpus, source, selection.found))
    fewest = min(FEWEST_VALIDATION, max(1, int(selection.found["documents"]) // 10))
    if splits.card.count("validation") < fewest:
        chosen = {name for _, name in ends.first[:fewest]}
        splits = _split_again(chosen.__contains__, source, out)
    elif not splits.card.count("train"):
        splits = _split_again(lambda name: name != ends.last[1], source, out)
    return _finish(splits, source, selection, out)


class _Splits:
    """The splits as they are written, what the card counts in them, and digests of their texts."""

    def __init__(self, name: str, out: Path) -> None:
        self.card = Card(name, "documents", SPLITS)
        self._paths = {split: out / f"{split}.parquet" for split in SPLITS}
        self._digests = {split: bytearray() for split in SPLITS}
        self._open = ExitStack()

    def __enter__(self) -> Self:
        self._writers = {
            split: self._open.enter_context(TableWriter(path, COLUMNS))
            for split, path in self._paths.items()
        }
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.__exit__(kind, error, trace)

    def write(self, split: str, name: str, text: str, key: bytes) -> None:
        """Add a document and the digest of its text."""
        self._writers[split].write({"document": name, "text": text}, len(text))
        self._digests[split] += key
        self.card.add(split, name, text)

    def overlap(self) -> int:
        """How many documents to train on have their name or their text in validation too."""
        held_out = set(chain.from_iterable(self._keys("validation")))
        return sum(not held_out.isdisjoint(keys) for keys in self._keys("train"))

    def _keys(self, split: str) -> Iterator[tuple[str, bytes]]:
        digests = self._digests[split]
        size = len(digest(""))
        for number, row in enumerate(read_table(self._paths[split], ["document"])):
            yield row["document"], bytes(digests[size * number : size * (number + 1)])


@dataclass
class _Ends:
    """The documents with the smallest and the largest hashes, for a split that is too small."""

    first: list[tuple[float, str]] = field(default_factory=list)
    last: tuple[float, str] = (-1.0, "")

    def add(self, position: float, name: str) -> None:
        """Note a document."""
        insort(self.first, (position, name))
        del self.first[FEWEST_VALIDATION:]
        self.last = max(self.last, (position, name))


class _Selection:
    """Which documents stay, and what is counted on the way: `tested` for each test split."""

    def __init__(self, corpus: Corpus, held_out: HeldOut) -> None:
        self.least = corpus.min_characters
        self.held_out = held_out
        self.seen: set[bytes] = set()
        self.found: Counter[str] = Counter()
        self.tested: Counter[str] = Counter()

    def accept(self, document: Document) -> tuple[str, bytes]:
        """The text of a document that stays, else "", and its digest."""
        self.found["read"] += 1
        text = encodable(document.text.strip(), document.name)
        key = digest(text)
        if len(text) < self.least:
            kind = "short_documents"
        elif key in self.seen:
            kind = "duplicates"
        elif tested := self.held_out.holding(document.name, text):
            kind = "held_out_documents"
            self.tested.update(tested)
        else:
            kind = "documents"
        self.seen.add(key)
        self.found[kind] += 1
        return text if kind == "documents" else "", key


def _too_few(corpus: Corpus, source: Source, found: Counter[str]) -> str:
    return (
        f"corpus.source: of {found['read']} documents in {source.location} {found['documents']} "
        f"are left, and two are needed, to train and to validate; {found['short_documents']} are "
        f"shorter than corpus.min_characters = {corpus.min_characters}, {found['duplicates']} are "
        f"duplicates, {found['held_out_documents']} have a passage of a test split. Text files "
        f"hold more documents with corpus.documents: paragraph or line (now {corpus.documents})"
    )


def _split_again(held_out: Callable[[str], bool], source: Source, out: Path) -> _Splits:
    """Write both splits anew, the documents of these names into validation."""
    before = [out / f"before-{split}.parquet" for split in SPLITS]
    for split, file in zip(SPLITS, before, strict=True):
        (out / f"{split}.parquet").rename(file)
    with _Splits(source.name, out) as splits:
        for row in chain.from_iterable(read_table(file) for file in before):
            split = "validation" if held_out(row["document"]) else "train"
            splits.write(split, row["document"], row["text"], digest(row["text"]))
    for file in before:
        file.unlink()
    return splits


def _finish(splits: _Splits, source: Source, selection: _Selection, out: Path) -> dict[str, float]:
    found, card = selection.found, splits.card
    counts = {split: card.count(split) for split in SPLITS}
    write_dataset_file(out, source.name, COLUMNS, sum(counts.values()))
    facts = {
        "documents read": found["read"],
        "left out: too short": found["short_documents"],
        "left out: duplicates of another document": found["duplicates"],
        "left out: a passage is in a test split": found["held_out_documents"],
        **{
            f"of these, in test split {name}": selection.tested[name]
            for name in selection.held_out.splits
        },
        "validation documents or texts that are also in train": splits.overlap(),
    }
    card.write(out / "show", facts)
    counted = ("documents", "duplicates", "short_documents", "held_out_documents")
    return {
        **{name: float(found[name]) for name in counted},
        "train_documents": float(counts["train"]),
        "validation_documents": float(counts["validation"]),
        "characters": float(sum(lengths.total for lengths in card.characters.values())),
    }
