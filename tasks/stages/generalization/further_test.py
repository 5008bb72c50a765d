"""Stage `further-test`: rows of another source, to test a fine-tuned model on.

They are read as the rows of the problem are. A source with a test split gives this split alone, any
other all of its rows. Rows whose text is in the training or the validation split (but for case,
punctuation and blanks) are left out and counted: the model knows their answers. So are rows of a
document (by its name) that has rows there, as stage `dataset` has no document in two splits.

It prepares rows and finds nothing, so that it writes no finding.json.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tasks.contract import Monitor, StageError
from tasks.data.held_out import Identifier, identifiers, write_held_out
from tasks.data.notices import Notices, report_remarks
from tasks.data.pairs import texts_of
from tasks.data.rows import FEWEST_TESTED, Example, Row, Shape, columns_written
from tasks.data.same_text import content, digest, digest_of
from tasks.data.tables import TableWriter, read_table, write_dataset_file, write_json
from tasks.data.tally import Tally
from tasks.experiment.problem import LabelledData
from tasks.problems import shape_of
from tasks.sources import Source

TEST = "test"
TEXT, DOCUMENT = "text", "document"
ALSO = "also in the training or the validation split"


def prepare_further_test(
    data: LabelledData, source: Source, *, known: Path, out: Path, monitor: Monitor
) -> dict[str, float]:
    """Read and check the rows of a further test set.

    Args:
        data: the part of the experiment about the rows, with the columns of this source; its name
            is `NAME.evaluate_also.NAME`.
        source: where the rows come from.
        known: folder with train.parquet, validation.parquet and labels.json of the problem.
        out: empty folder for test.parquet, held_out.parquet, further.json, dataset.json and
            tally.json; train.parquet and labels.json are copied, as an evaluation reads them.
        monitor: receives the progress and what was found.

    Returns:
        rows, documents, and left_out: rows whose text or document is also in the training or the
        validation split.

    Raises:
        StageError: the source cannot be read, a row is not valid or has a label that the problem
            does not have, or too few rows remain.
    """
    shape, notices = shape_of(data.kind), Notices()
    learnt = _learnt(shape, known)
    columns = columns_written(shape, data)
    left_out: Counter[str] = Counter()
    tally, documents = Tally(source.name, "rows", (TEST,), shape.LABELS), set[str]()
    tested: list[Identifier] = []
    try:
        with TableWriter(out / f"{TEST}.parquet", columns) as table:
            for row, example in _examples(data, source, shape, notices, monitor):
                passage = shape.passage(example)
                counted = tuple(shape.counted(example))
                _require_known(counted, learnt.labels, row.where)
                if what := learnt.same(shape, row, example):
                    notices.add(f"left out: rows whose {what} is {ALSO}", passage)
                    left_out[what] += 1
                    continue
                document = row.document or digest(passage).hex()
                documents.add(document)
                table.write({"document": document, **example}, 2 * len(passage))
                tally.add(TEST, document, passage, counted, shape.shown(example))
                for text in {passage, *texts_of(example)}:
                    tested += identifiers(row.document, text)
    except StageError as error:
        raise StageError(f"downstream.{data.name}: {error}") from None
    rows = tally.count(TEST)
    if len(documents) < FEWEST_TESTED:
        raise StageError(
            f"downstream.{data.name}: {source.location} has {rows} rows of {len(documents)} "
            f"documents to test on; {left_out[TEXT]:,} are left out since their text is {ALSO}, "
            f"{left_out[DOCUMENT]:,} since their document is; intervals need at least "
            f"{FEWEST_TESTED} documents"
        )
    write_held_out(out / "held_out.parquet", tested)
    for name in ("train.parquet", "labels.json"):
        shutil.copyfile(known / name, out / name)
    facts = {"left_out": left_out[TEXT], "left_out_by_document": left_out[DOCUMENT]}
    write_json(out / "further.json", {"name": source.name, "rows": rows, **facts})
    write_dataset_file(out, source.name, columns, rows)
    tally.write(out / "tally.json", {"documents": len(documents), **notices.facts()})
    notices.report(monitor)
    report_remarks(source.remarks(), monitor)
    return {
        "rows": float(rows),
        "documents": float(len(documents)),
        "left_out": float(left_out.total()),
    }


@dataclass(frozen=True)
class _Learnt:
    """What the training and the validation split have.

    Attributes:
        texts: digests of their texts but for case, punctuation and blanks.
        documents: their names; a digest for those without.
        labels: those of the training rows, of spans their types; none if answers are no labels.
    """

    texts: set[bytes]
    documents: set[str]
    labels: list[str]

    def same(self, shape: Shape, row: Row, example: Example) -> str:
        """What a row has in common with these splits: its text, its document, or ""."""
        if _alike(shape, example) in self.texts:
            return TEXT
        return DOCUMENT if row.document in self.documents else ""


def _learnt(shape: Shape, known: Path) -> _Learnt:
    texts, documents, labels = set[bytes](), set[str](), set[str]()
    for split in ("train", "validation"):
        for row in read_table(known / f"{split}.parquet"):
            texts.add(_alike(shape, row))
            documents.add(str(row["document"]))
            labels.update(shape.counted(row) if split == "train" else ())
    return _Learnt(texts, documents, sorted(labels))


def _require_known(counted: Sequence[str], labels: Sequence[str], where: str) -> None:
    """Check that a model of the problem can answer the labels of a row.

    Raises:
        StageError: it does not have one of them.
    """
    unknown = [label for label in counted if label not in labels]
    if labels and unknown:
        raise StageError(
            f"{where}: the problem has no label {unknown[0]!r}; accepted: {', '.join(labels[:20])}"
        )


def _examples(
    data: LabelledData, source: Source, shape: Shape, notices: Notices, monitor: Monitor
) -> Iterator[tuple[Row, Example]]:
    """The rows to test on: those of the test split where the source has one."""
    every = source.rows(shape.columns(data), monitor.progress)
    only_test = any(row.split == TEST for row in every)
    for row in source.rows(shape.columns(data), monitor.progress):
        if only_test and row.split != TEST:
            continue
        example = shape.parse(row, data, notices)
        if example is not None:
            yield row, example


def _alike(shape: Shape, example: Example) -> bytes:
    return digest_of(content(shape.passage(example)))
