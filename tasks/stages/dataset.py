"""Stage `dataset`: labelled rows, checked, split by document, and no row in two splits.

Pass 1 checks each row and spools it to disk. Pass 2 finds texts and documents that occur in two
splits (with a digest and a hash of each row in memory). Pass 3 writes the splits.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tasks.contract import Monitor, StageError
from tasks.data.held_out import Identifier, identifiers, split_name, write_held_out
from tasks.data.labelled_rows import SPOOLED, read_rows
from tasks.data.notices import Notices, report_remarks
from tasks.data.pairs import texts_of
from tasks.data.rows import FEWEST_TESTED, Shape, columns_written, require_shares
from tasks.data.same_text import share
from tasks.data.tables import TableWriter, count_overlap, read_table, write_dataset_file
from tasks.data.tally import Tally, cell
from tasks.experiment.problem import LabelledData
from tasks.problems import shape_of
from tasks.problems.class_labels import note_labels_alike, note_untested
from tasks.sources import Source
from tasks.statistics.strata import places_in_strata

SPLITS = ("train", "validation", "test")
REPEATED = "duplicates (the text of another row of the split)"
CONTRADICTED = "texts that have several answers within their split"
_LIKE = "but for case, punctuation and blanks: they stay"
# Training rows that overlap with validation or test rows are left out.
_GIVES_WAY_TO = {"train": ("test", "validation"), "validation": ("test",), "test": ()}


def prepare_dataset(
    data: LabelledData, source: Source, seed: int, *, out: Path, monitor: Monitor
) -> dict[str, float]:
    """Read, check and split the rows of a source.

    A split that the source has is used as it is; a missing one is taken from the training rows, by
    a hash of the seed and the document; if stratified, by the rank of that among the documents with
    the label. A row without a document is a document of its own, identified by its text; rows whose
    texts are alike (but for case, punctuation and blanks) stay together.

    Args:
        data: Its part of the experiment.
        source: Where the rows come from.
        seed: Of the split.
        out: Empty folder for train.parquet, validation.parquet, test.parquet, labels.json,
            held_out.parquet, dataset.json and tally.json.
        monitor: Receives the progress and a summary.

    Returns:
        rows, train_rows, validation_rows, test_rows, documents, labels and duplicates (rows with
        the text of another row of their split) of the written rows, and dropped_rows (left out
        since their text or document is in another split).

    Raises:
        StageError: the source cannot be read; a row has no label or is not valid; a split is empty;
            all rows have one label; a label has no training row; the test is one document; a text
            or a document is in two splits and `overlap` is "error".
    """
    shape = shape_of(data.kind)
    with TemporaryDirectory(dir=out) as folder:
        every = Path(folder) / "rows.parquet"
        notices = Notices()
        found = source.rows(shape.columns(data), monitor.progress)
        given = read_rows(data, shape, found, every, notices)
        for what, example in source.guesses(rows=True):
            notices.add(what, example)
        rows = _Assigned(data, shape, seed, every, given)
        contents = _contents(rows)
        _require_rows(data, source, contents, 0)
        dropped = _overlaps(data, rows, contents, notices)
        if dropped:
            rows.give_way_in(contents)
            contents = _contents(rows)
            _require_rows(data, source, contents, dropped)
        _repeated(rows, contents, notices)
        columns = columns_written(shape, data)
        tally = _write(source, rows, columns, out)
        _note_splits(data, given, tally, notices)
    note_labels_alike(tally.balance, notices)
    note_untested(tally.balance, notices)
    labels = shape.labels(data, tally.balance, tally.count("train"))
    if not labels:
        _require_different_answers(data, contents["train"])
    (out / "labels.json").write_text(
        json.dumps(labels, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    counts = {split: tally.count(split) for split in SPLITS}
    write_dataset_file(out, source.name, columns, sum(counts.values()))
    documents = len(set().union(*(found.documents for found in contents.values())))
    duplicates = sum(found.rows - len(found.texts) for found in contents.values())
    facts: dict[str, int | str] = {"documents": documents, **notices.facts()}
    tally.write(out / "tally.json", facts | _overlap_facts(shape, out))
    monitor.say(_summary(counts, labels))
    notices.report(monitor)
    report_remarks(source.remarks(), monitor)
    return {
        "rows": float(sum(counts.values())),
        **{f"{split}_rows": float(count) for split, count in counts.items()},
        "documents": float(documents),
        "labels": float(len(labels)),
        "duplicates": float(duplicates),
        "dropped_rows": float(dropped),
    }


@dataclass
class _Content:
    """The contents of a split: digests of its texts, and its documents by name or else by digest.

    Attributes:
        texts: with a hash of the first answer to each, valid within a process.
        contradicted: those that also have other answers.
        alike: digests of the texts but for case, punctuation and blanks.
    """

    texts: dict[bytes, int] = field(default_factory=dict)
    contradicted: set[bytes] = field(default_factory=set)
    alike: set[bytes] = field(default_factory=set)
    documents: set[str | bytes] = field(default_factory=set)
    rows: int = 0


@dataclass(frozen=True)
class _Read:
    """A row on disk: its split, two digests of its text, its document if named, its columns.

    Attributes:
        key: the same for rows whose texts are the same.
        alike: the same for rows whose texts are alike: but for case, punctuation and blanks.
    """

    split: str
    key: bytes
    alike: bytes
    document: str
    origin: str
    columns: dict[str, Any]

    @property
    def name(self) -> str:
        """The document, or its substitute."""
        return self.document or self.key.hex()

    def gives_way_to(self, contents: Mapping[str, _Content]) -> str:
        """The first split with the same text or document that precedes its own, or ""."""
        for split in _GIVES_WAY_TO[self.split]:
            if self.key in contents[split].texts or self.document in contents[split].documents:
                return split
        return ""


class _Assigned:
    """All rows on disk, each with its split; they can be iterated repeatedly."""

    def __init__(
        self, data: LabelledData, shape: Shape, seed: int, path: Path, given: set[str]
    ) -> None:
        self.shape, self.seed, self.path = shape, seed, path
        self.before: dict[str, _Content] = {}
        self.test, self.validation = require_shares(data, given)
        self.places = self._stratified() if data.stratified else {}

    def __iter__(self) -> Iterator[_Read]:
        for columns in read_table(self.path):
            given, origin, key, alike = map(columns.pop, SPOOLED)
            document = columns.pop("document")
            split = given if given in {"validation", "test"} else ""
            split = split or self._split(document or alike.hex())
            row = _Read(split, key, alike, document, origin, columns)
            if not (self.before and row.gives_way_to(self.before)):
                yield row

    def give_way_in(self, contents: dict[str, _Content]) -> None:
        """Skip rows that overlap with another split from now on."""
        self.before = contents

    def _stratified(self) -> dict[str, float]:
        """The place of each document of no split among those with its label."""
        labels: dict[str, set[str]] = {}
        for columns in read_table(self.path):
            given, _, _, alike = map(columns.pop, SPOOLED)
            document = columns.pop("document")
            if given not in {"validation", "test"}:
                found = labels.setdefault(document or alike.hex(), set())
                found.update(self.shape.counted(columns))
        return places_in_strata(labels, partial(share, self.seed))

    def _split(self, name: str) -> str:
        position = self.places[name] if self.places else share(self.seed, name)
        if position < self.test:
            return "test"
        return "validation" if position < self.test + self.validation else "train"


def _contents(rows: _Assigned) -> dict[str, _Content]:
    contents = {split: _Content() for split in SPLITS}
    for row in rows:
        found = contents[row.split]
        found.rows += 1
        answer = hash(rows.shape.answer(row.columns))
        if found.texts.setdefault(row.key, answer) != answer:
            found.contradicted.add(row.key)
        found.alike.add(row.alike)
        found.documents.add(row.document or row.key)
    return contents


def _require_rows(
    data: LabelledData, source: Source, contents: dict[str, _Content], dropped: int
) -> None:
    empty = [split for split, content in contents.items() if not content.rows]
    if empty:
        counts = ", ".join(f"{split} {content.rows}" for split, content in contents.items())
        documents = len(set().union(*(content.documents for content in contents.values())))
        after = f" after {dropped} rows that overlap were left out" if dropped else ""
        raise StageError(
            f"downstream.{data.name}: the {empty[0]} split of {source.location} is empty{after} "
            f"({counts} rows, of {documents} documents); it needs more rows, files named train, "
            f"validation and test, or other shares (test_share is {data.test_share:g}, "
            f"validation_share {data.validation_share:g})"
        )
    tested = len(contents["test"].documents)
    if tested < FEWEST_TESTED:  # otherwise the evaluation would fail, after the training
        raise StageError(
            f"downstream.{data.name}: the test split of {source.location} has "
            f"{contents['test'].rows} rows of {tested} document; intervals need at least "
            f"{FEWEST_TESTED}. Raise test_share, or add documents"
        )


def _require_different_answers(data: LabelledData, train: _Content) -> None:
    """Check that there is something to learn where answers are no labels.

    Raises:
        StageError: all training rows have the same answer.
    """
    if len(set(train.texts.values())) < 2 and not train.contradicted:
        raise StageError(
            f"downstream.{data.name}: all {train.rows:,} training rows have the same answer, so "
            "that there is nothing to learn; at least two different ones are needed"
        )


def _overlaps(
    data: LabelledData, rows: _Assigned, contents: dict[str, _Content], notices: Notices
) -> int:
    """How many rows of a split have their text or document in a split that precedes theirs.

    Raises:
        StageError: there are any, and `overlap` is "error".
    """
    found: Counter[str] = Counter()
    examples: list[str] = []
    for row in rows:
        passage = rows.shape.passage(row.columns)
        if other := row.gives_way_to(contents):
            found[f"{row.split} rows that are also in {other}"] += 1
            notices.add(f"left out: {row.split} rows that are also in {other}", passage)
            examples.append(f"  {cell(passage)[:120]}")
            del examples[2:]
        else:
            for split in _GIVES_WAY_TO[row.split]:
                if row.alike in contents[split].alike:
                    notices.add(f"{row.split} rows like one of {split} {_LIKE}", passage)
    if found and data.overlap == "error":
        counts = "; ".join(f"{count:,} {name}" for name, count in found.items())
        raise StageError(
            f"downstream.{data.name}: {counts} (the same text or the same document), such as\n"
            + "\n".join(examples)
            + "\nRemove them from the files, or leave them out with "
            f"downstream.{data.name}.overlap: drop"
        )
    return found.total()


def _repeated(rows: _Assigned, contents: dict[str, _Content], notices: Notices) -> None:
    """Note the texts that occur again in their split, and those with several answers."""
    notices.add(REPEATED, count=0)
    notices.add(CONTRADICTED, count=0)
    before: dict[str, set[bytes]] = {split: set() for split in SPLITS}
    told: set[bytes] = set()
    for row in rows:
        if row.key not in before[row.split]:
            before[row.split].add(row.key)
            continue
        passage = rows.shape.passage(row.columns)
        notices.add(REPEATED, passage)
        if row.key in contents[row.split].contradicted and row.key not in told:
            told.add(row.key)
            notices.add(CONTRADICTED, passage)


def _write(source: Source, rows: _Assigned, columns: Mapping[str, str], out: Path) -> Tally:
    """Write the splits, and the identifiers of the test rows."""
    shape = rows.shape
    tally = Tally(source.name, "rows", SPLITS, shape.LABELS)
    tested: list[Identifier] = []
    with ExitStack() as stack:
        writers = {
            split: stack.enter_context(TableWriter(out / f"{split}.parquet", columns))
            for split in SPLITS
        }
        for row in rows:
            passage = shape.passage(row.columns)
            writers[row.split].write({"document": row.name, **row.columns}, 2 * len(passage))
            counted = tuple(shape.counted(row.columns))
            tally.add(row.split, row.name, passage, counted, shape.shown(row.columns))
            if row.split == "test":
                for text in {passage, *texts_of(row.columns)}:  # of a pair, each text too
                    tested += identifiers(row.document, text)
                if row.origin:
                    tested.append(Identifier(row.document, bytes.fromhex(row.origin)))
    write_held_out(out / "held_out.parquet", tested)
    return tally


def _note_splits(data: LabelledData, given: set[str], tally: Tally, notices: Notices) -> None:
    """Note the splits that the source does not have, and where their rows come from."""
    for split, share_ in (("test", data.test_share), ("validation", data.validation_share)):
        if split not in given:
            what = f"{split} rows taken from the training rows, as the source has no {split} split"
            notices.add(f"{what} ({split}_share is {share_:g})", count=tally.count(split))


def _summary(counts: Mapping[str, int], labels: list[str]) -> str:
    """`rows: 800 to train, 100 to validate, 100 to test; 3 labels`."""
    verbs = {"train": "train", "validation": "validate", "test": "test"}
    kept = ", ".join(f"{counts[split]:,} to {verb}" for split, verb in verbs.items())
    return f"rows: {kept}; {len(labels)} labels" if labels else f"rows: {kept}"


def _overlap_facts(shape: Shape, out: Path) -> dict[str, int | str]:
    """The overlaps of the written splits, and the test split's name on the corpus's card."""
    tables = [out / f"{split}.parquet" for split in reversed(SPLITS)]
    return {
        "rows whose text or document is also in another split": count_overlap(
            tables, shape.passage
        ),
        "on the card of the corpus, the test split is": split_name(out / "held_out.parquet"),
    }
