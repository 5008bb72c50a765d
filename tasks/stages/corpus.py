"""Stage `corpus`: documents to pre-train on, without duplicates and without text of test splits.

Documents flow from the source to Parquet one at a time; memory contains two digests of each.
"""

from __future__ import annotations

from bisect import insort
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path

from tasks.contract import Monitor, StageError
from tasks.data.corpus_splits import COLUMNS, SPLITS, Splits, file_of, writing_splits
from tasks.data.held_out import HeldOut
from tasks.data.notices import Notices, report_remarks, special_name_in
from tasks.data.rows import Document, encodable
from tasks.data.same_text import digest, share
from tasks.data.tables import read_table, write_dataset_file
from tasks.data.text.scripts import letters
from tasks.experiment.corpus import Corpus
from tasks.sources import Source

FEWEST_VALIDATION = 8
_MUCH = 0.2  # share of the text that is held out
# What happens to documents, as the page and the terminal say it.
SHORT = "left out: too short"
DUPLICATE = "left out: duplicates of another document"
TESTED = "left out: a passage is in a test split"
NEAR = "kept, although half of a test row or more is in them"
SPECIAL = "with the name of a special token, which pre-training reads as text"


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

    A hash of the seed and its id assigns a document to the validation split. In a small corpus this
    split gets at least a tenth, up to 8 documents: a loss on a single document says little.

    Args:
        corpus: Its part of the experiment.
        source: Where the text comes from.
        held_out: `held_out.parquet` of each labelled data set, whose texts are left out.
        seed: Of the split.
        out: Empty folder for train.parquet, validation.parquet, dataset.json and tally.json.
        monitor: Receives the progress and a summary.

    Returns:
        documents, train_documents, validation_documents and characters of the corpus, and the
        numbers of documents left out: duplicates, short_documents, held_out_documents. Documents
        that are near a test row, near_documents, are not left out.

    Raises:
        StageError: the source cannot be read, or fewer than two documents are left.
    """
    selection = _Selection(corpus, HeldOut(held_out))
    ends = _Ends()
    with (
        writing_splits(source.name, out) as splits,
        closing(source.documents(corpus, monitor.progress)) as documents,
    ):
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
    if splits.tally.count("validation") < fewest:
        chosen = {name for _, name in ends.first[:fewest]}
        splits = _split_again(chosen.__contains__, source, out)
    elif not splits.tally.count("train"):
        splits = _split_again(lambda name: name != ends.last[1], source, out)
    for what, example in source.guesses(rows=False):
        selection.notices.add(what, example)
    metrics = _finish(splits, source, selection, out)
    monitor.say(_summary(metrics))
    if 2 * selection.found["short_documents"] > selection.found["read"]:
        monitor.say(f"Warning: most documents are too short: {_shortest(corpus, selection.found)}")
    selection.notices.report(monitor)
    report_remarks(source.remarks(), monitor)
    sizes = {split: splits.tally.characters[split].total for split in SPLITS}
    held = sizes["validation"] / sum(sizes.values())
    if held > max(2 * corpus.validation_share, _MUCH):
        monitor.say(
            f"Warning: {held:.0%} of the text is held out to validate, as a document is not cut in "
            f"two and there are {metrics['documents']:,.0f}; corpus.validation_share is "
            f"{corpus.validation_share:g}. More or shorter documents leave more to train on "
            f"(corpus.documents is {corpus.documents})"
        )
    return metrics


@dataclass
class _Ends:
    """The documents with the smallest and the largest hashes, for a split that is too small."""

    first: list[tuple[float, str]] = field(default_factory=list)
    last: tuple[float, str] = (-1.0, "")

    def add(self, position: float, name: str) -> None:
        """Add a document."""
        if len(self.first) < FEWEST_VALIDATION or (position, name) < self.first[-1]:
            insort(self.first, (position, name))
            del self.first[FEWEST_VALIDATION:]
        self.last = max(self.last, (position, name))


class _Selection:
    """Selects documents and counts them: `tested` for each test split."""

    def __init__(self, corpus: Corpus, held_out: HeldOut) -> None:
        self.least = corpus.min_characters
        self.held_out = held_out
        self.seen: set[bytes] = set()
        self.found: Counter[str] = Counter()
        self.tested: Counter[str] = Counter()
        self.notices = Notices()
        for what in (SHORT, DUPLICATE, TESTED, NEAR):
            self.notices.add(what, count=0)

    def accept(self, document: Document) -> tuple[str, bytes]:
        """The text of a selected document, else "", and its digest."""
        self.found["read"] += 1
        text = encodable(document.text.strip(), document.name)
        key = digest(text)
        kind, what = "documents", ""
        if letters(text) < self.least:
            kind, what = "short_documents", SHORT
        elif key in self.seen:
            kind, what = "duplicates", DUPLICATE
        else:
            containing, near = self.held_out.search(document.name, text)
            if containing:
                kind, what = "held_out_documents", TESTED
                self.tested.update(containing)
            elif near:
                what = NEAR
                self.found["near_documents"] += 1
        if what:
            self.notices.add(what, f"{document.name}: {text[:200]}")
        if kind == "documents" and (named := special_name_in(text)):
            self.notices.add(SPECIAL, named)
        self.seen.add(key)
        self.found[kind] += 1
        return text if kind == "documents" else "", key


def _too_few(corpus: Corpus, source: Source, found: Counter[str]) -> str:
    return (
        f"corpus.source: of {found['read']} documents in {source.location} {found['documents']} "
        f"are left, but two are needed, to train and to validate; {found['short_documents']} are "
        f"shorter than corpus.min_characters = {corpus.min_characters}, {found['duplicates']} are "
        f"duplicates, {found['held_out_documents']} have a passage of a test split. Text files "
        f"give more documents with corpus.documents: paragraph or line (now {corpus.documents})"
    )


def _shortest(corpus: Corpus, found: Counter[str]) -> str:
    return (
        f"{found['short_documents']:,} of {found['read']:,} have fewer than "
        f"corpus.min_characters = {corpus.min_characters} characters (one of Han, Kana or Hangul "
        "counts as three); lower it to keep them"
    )


def _summary(metrics: Mapping[str, float]) -> str:
    """`documents: 90 to train, 10 to validate`."""
    train, validation = metrics["train_documents"], metrics["validation_documents"]
    return f"documents: {train:,.0f} to train, {validation:,.0f} to validate"


def _split_again(held_out: Callable[[str], bool], source: Source, out: Path) -> Splits:
    """Write both splits again, with the documents of these names in validation."""
    before = [out / f"before-{split}.parquet" for split in SPLITS]
    for split, file in zip(SPLITS, before, strict=True):
        file_of(split, out).rename(file)
    with writing_splits(source.name, out) as splits:
        for row in chain.from_iterable(read_table(file) for file in before):
            split = "validation" if held_out(row["document"]) else "train"
            splits.write(split, row["document"], row["text"], digest(row["text"]))
    for file in before:
        file.unlink()
    return splits


def _finish(splits: Splits, source: Source, selection: _Selection, out: Path) -> dict[str, float]:
    found, tally = selection.found, splits.tally
    counts = {split: tally.count(split) for split in SPLITS}
    write_dataset_file(out, source.name, COLUMNS, sum(counts.values()))
    facts = {
        "documents read": found["read"],
        **selection.notices.facts(),
        **{
            f"of these, in test split {name}": selection.tested[name]
            for name in selection.held_out.splits
        },
        "validation documents or texts that are also in train": splits.overlap(),
    }
    tally.write(out / "tally.json", facts)
    left_out = ("duplicates", "short_documents", "held_out_documents")
    return {
        **{name: float(found[name]) for name in ("documents", *left_out, "near_documents")},
        "train_documents": float(counts["train"]),
        "validation_documents": float(counts["validation"]),
        "characters": float(sum(lengths.total for lengths in tally.characters.values())),
    }
