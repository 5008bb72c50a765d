"""Documents to pre-train on: what is kept, what is left out, and why."""

import json
import re

import pyarrow.parquet as pq
import pytest

from tasks.contract import Silent, StageError
from tasks.data.corpus_splits import writing_splits
from tasks.data.held_out import identifiers, write_held_out
from tasks.data.same_text import digest
from tasks.experiment.corpus import Corpus
from tasks.experiment.problem import LabelledData
from tasks.pages import data_card
from tasks.sources import resolve
from tasks.stages.corpus import prepare_corpus
from tasks.stages.dataset import prepare_dataset
from tests.support.shown import shown


def prepare(path, out, held_out=(), seed=0, monitor=None, **fields):
    out.mkdir()
    source = resolve(str(path), "corpus.source", "text")
    monitor = monitor or Silent()
    return prepare_corpus(Corpus(**fields), source, held_out, seed, out=out, monitor=monitor)


def texts(out, split):
    return pq.read_table(out / f"{split}.parquet")["text"].to_pylist()


def paragraph(n):
    return (
        f"This is the first sentence of paragraph number {n}. And here is another, number {n}, too."
    )


@pytest.fixture
def book(tmp_path):
    path = tmp_path / "book.txt"
    path.write_text("\n\n".join(paragraph(n) for n in range(500)))
    return path


def test_documents_are_split_by_the_share_asked_for(book, tmp_path):
    metrics = prepare(book, tmp_path / "out", validation_share=0.1)
    train, validation = (texts(tmp_path / "out", split) for split in ("train", "validation"))
    assert sorted(train + validation) == sorted(paragraph(n) for n in range(500))
    assert 30 <= len(validation) <= 70
    assert metrics["documents"] == 500
    assert metrics["characters"] == sum(map(len, train + validation))


def test_two_runs_write_the_same_bytes(book, tmp_path):
    found = []
    for name in ("a", "b"):
        prepare(book, tmp_path / name)
        found.append({p.name: p.read_bytes() for p in (tmp_path / name).rglob("*.*")})
    assert found[0] == found[1]
    assert json.loads(found[0]["dataset.json"])["rows"] == 500


def test_duplicates_and_short_documents_are_left_out(tmp_path):
    path = tmp_path / "t.txt"
    lines = [paragraph(1), f" {paragraph(2)}", "short", paragraph(2), paragraph(3)]
    path.write_text("\n".join(lines))
    monitor = Silent()
    metrics = prepare(path, tmp_path / "out", documents="line", monitor=monitor)
    assert (metrics["documents"], metrics["duplicates"], metrics["short_documents"]) == (3, 1, 1)
    assert monitor.said[:2] == [
        "documents: 2 to train, 1 to validate",
        "left out: too short: 1, for example 't.txt:3: short'",
    ]
    assert "duplicates of another document: 1, for example 't.txt:4: This is" in monitor.said[2]
    assert "duplicates of another document: 1" in str(monitor.facts["notices"])


@pytest.mark.parametrize("short", [5, 40])
def test_most_documents_being_too_short_is_a_warning(tmp_path, short):
    path, monitor = tmp_path / "t.txt", Silent()
    path.write_text("\n".join([*map(paragraph, range(20)), *(f"short {n}" for n in range(short))]))
    prepare(path, tmp_path / "out", documents="line", monitor=monitor)
    warned = any("Warning: most documents are too short" in said for said in monitor.said)
    assert warned == (short > 20)


def test_molecules_that_differ_in_case_and_brackets_are_different_documents(tmp_path):
    molecules = [f"{'c' * n}1{kind}" for n in range(3, 40) for kind in ("cccc", "CCCC", "C(C)")]
    path = tmp_path / "molecules.csv"
    path.write_text("\n".join(["smiles", *molecules]) + "\n")
    metrics = prepare(path, tmp_path / "out", text_column="smiles", min_characters=1)
    assert (metrics["documents"], metrics["duplicates"]) == (len(molecules), 0)


TOKENS = ["我", "爱", "北", "京", "天", "安", "门", "。", "他", "们", "也", "爱", "。"]


@pytest.mark.parametrize("between", ["", " ", "\n", "\u3000"])
def test_text_without_blanks_is_found_however_it_is_joined(tmp_path, between):
    line = between.join(TOKENS)
    (tmp_path / "corpus").mkdir()
    for name in "abc":
        (tmp_path / "corpus" / f"{name}.txt").write_text(
            f"{name} 别的话别的话别的话别的话别的话别的话。"
        )
    (tmp_path / "corpus" / "leak.txt").write_text(f"开头。\n{line}\n结尾。")
    write_held_out(tmp_path / "held_out.parquet", identifiers("", " ".join(TOKENS)))
    metrics = prepare(tmp_path / "corpus", tmp_path / "out", [tmp_path / "held_out.parquet"])
    assert (metrics["documents"], metrics["held_out_documents"]) == (3, 1)


def test_a_document_that_shares_much_with_a_test_row_is_counted_and_stays(tmp_path):
    sentence = "the quick brown fox number {} jumps over a lazy dog while it rains in the old town"
    row = ", ".join(sentence.format(n) for n in range(5))
    near = row.replace("number 3", "numeral three")
    (tmp_path / "corpus").mkdir()
    for name, text in {"a": paragraph(1), "b": paragraph(2), "near": near}.items():
        (tmp_path / "corpus" / f"{name}.txt").write_text(text)
    write_held_out(tmp_path / "held_out.parquet", identifiers("", row))
    monitor = Silent()
    paths = [tmp_path / "held_out.parquet"]
    metrics = prepare(tmp_path / "corpus", tmp_path / "out", paths, monitor=monitor)
    assert (metrics["documents"], metrics["near_documents"]) == (3, 1)
    assert any("half of a test row" in line and "near.txt" in line for line in monitor.said)


@pytest.mark.parametrize(("share", "validation"), [(1e-9, 1), (1 - 1e-9, 4)])
def test_no_split_of_a_small_corpus_is_empty(tmp_path, share, validation):
    path = tmp_path / "t.txt"
    path.write_text("\n\n".join(paragraph(n) for n in range(5)))
    metrics = prepare(path, tmp_path / "out", validation_share=share)
    assert metrics["validation_documents"] == validation
    assert metrics["train_documents"] == 5 - validation
    assert not (tmp_path / "out" / "every.parquet").exists()


@pytest.mark.parametrize("documents, warned", [(2, True), (500, False)])
def test_where_much_of_the_text_is_held_out_that_is_said(tmp_path, documents, warned):
    path, monitor = tmp_path / "t.txt", Silent()
    path.write_text("\n\n".join(paragraph(n) for n in range(documents)))
    prepare(path, tmp_path / "out", monitor=monitor)
    said = [line for line in monitor.said if "of the text is held out to validate" in line]
    assert bool(said) == warned
    if warned:
        assert "50% of the text" in said[0]


def test_no_more_documents_are_read_than_asked_for(book, tmp_path):
    assert prepare(book, tmp_path / "out", max_documents=20)["documents"] == 20


def test_a_corpus_of_nothing_is_told_with_the_reason(tmp_path):
    (tmp_path / "t.txt").write_text(" \n\n\n")
    with pytest.raises(StageError, match=r"of 0 documents in .*t.txt 0 are left"):
        prepare(tmp_path / "t.txt", tmp_path / "a")
    (tmp_path / "t.txt").write_text("short\n\nshort too\n\nand this\n")
    with pytest.raises(StageError, match=r"3 are shorter than corpus.min_characters = 40"):
        prepare(tmp_path / "t.txt", tmp_path / "b")
    (tmp_path / "t.txt").write_text(paragraph(1) * 3)
    with pytest.raises(StageError, match=r"corpus.documents: paragraph or line \(now file\)"):
        prepare(tmp_path / "t.txt", tmp_path / "c", documents="file")


def held_out(tmp_path, rows, header="text,label"):
    """The held_out.parquet of a data set whose test rows are these."""
    folder = tmp_path / "labelled"
    folder.mkdir()
    other = ["one of a kind,a", "two of a kind,b", "three of them,a", "four of them,b", "five,a"]
    other += ["six,a"]  # a test split needs two documents
    other = [line + "," * (header.count(",") - 1) for line in other]
    for split, lines in (("train", other[:4]), ("dev", other[4:5]), ("test", rows + other[5:])):
        (folder / f"{split}.csv").write_text("\n".join([header, *lines]) + "\n")
    out = tmp_path / "dataset"
    out.mkdir()
    source = resolve(str(folder), "downstream.x.source", "text-classification")
    prepare_dataset(LabelledData(), source, 0, out=out, monitor=Silent())
    return [out / "held_out.parquet"]


def test_documents_with_a_passage_of_a_test_split_are_left_out(book, tmp_path):
    rows = [
        f'"{paragraph(7).upper()}",a',  # the whole of a document
        '"This is the first sentence of paragraph number 9",b',  # a sentence of one
        "too,a",  # too short to be looked for inside documents
        '"Not in the book at all, this one",b',
    ]
    metrics = prepare(book, tmp_path / "out", held_out(tmp_path, rows))
    assert metrics["held_out_documents"] == 2
    kept = texts(tmp_path / "out", "train") + texts(tmp_path / "out", "validation")
    assert len(kept) == 498
    assert paragraph(7) not in kept
    assert paragraph(9) not in kept
    card = (shown(data_card.show, tmp_path / "out") / "card.md").read_text()
    assert "left out: a passage is in a test split | 2" in card
    of_labelled = (shown(data_card.show, tmp_path / "dataset") / "card.md").read_text()
    (name,) = re.findall(r"on the card of the corpus, the test split is \| (\w{8})", of_labelled)
    assert f"of these, in test split {name} | 2" in card
    assert "validation documents or texts that are also in train | 0" in card


LONG = ["Here the passage begins, long enough.", "There it goes on for quite a while.", "And ends."]
SHORT = ["It began.", "It went on.", "It stopped there.", "Nobody came."]


@pytest.mark.parametrize(
    ("passage", "document"),
    [
        (" ".join(LONG[:2]), f"Before it. {' '.join(LONG)} And after it."),
        (" ".join(LONG[:2]), f"{LONG[0]}\n\n{LONG[1]} {LONG[2]}"),
        (" ".join(LONG), f"Only a part of it is here. {LONG[1]} The rest is not."),
        (" ".join(SHORT), f"Before it. {' '.join(SHORT)} And after it."),
        (f"{SHORT[0]} {LONG[0]}", f"Before it. {SHORT[0]} {LONG[0]} And after it."),
        (
            "A first verse without any full stop\nAnd a second verse without one",
            "A title\nA first verse without any full stop\nAnd another\n\n",
        ),
    ],
)
def test_a_passage_is_found_wherever_it_stands_in_a_document(book, tmp_path, passage, document):
    book.write_text(f"{book.read_text()}\n\n\n")
    (tmp_path / "books").mkdir()
    book.rename(tmp_path / "books" / "book.txt")
    (tmp_path / "books" / "other.txt").write_text(paragraph("one and only"))
    (tmp_path / "books" / "third.txt").write_text(paragraph("three"))
    (tmp_path / "books" / "leaking.txt").write_text(document + " " + paragraph("of a leak"))
    metrics = prepare(tmp_path / "books", tmp_path / "out", held_out(tmp_path, [f'"{passage}",a']))
    assert (metrics["documents"], metrics["held_out_documents"]) == (3, 1)


def test_a_line_and_a_paragraph_of_a_document_are_looked_for(tmp_path):
    (tmp_path / "books").mkdir()
    for name in "abc":
        verses = [f"A verse without a full stop number {n} of {name}" for n in range(9)]
        (tmp_path / "books" / f"{name}.txt").write_text(
            "\n".join(verses) + f"\n\n{paragraph(name)}"
        )
    rows = ['"A verse without a full stop number 3 of a",a', f'"{paragraph("b")}",b']
    with pytest.raises(StageError, match="2 have a passage of a test split"):
        prepare(tmp_path / "books", tmp_path / "out", held_out(tmp_path, rows))


def test_documents_named_by_test_rows_are_left_out(tmp_path):
    (tmp_path / "books").mkdir()
    for n in range(6):
        (tmp_path / "books" / f"{n}.txt").write_text(paragraph(n))
    paths = held_out(
        tmp_path, ["what a book,a,3.txt", "and what a book,b,4.txt"], "text,label,document"
    )
    metrics = prepare(tmp_path / "books", tmp_path / "out", paths)
    assert (metrics["documents"], metrics["held_out_documents"]) == (4, 2)


def test_real_books_are_read_whole_by_default(shared_data, tmp_path):
    metrics = prepare(shared_data / "classic-books" / "books", tmp_path / "out")
    assert metrics["documents"] == 44
    assert metrics["validation_documents"] >= 1
    assert metrics["characters"] > 19e6


def test_what_both_splits_hold_is_counted(tmp_path):
    with writing_splits("corpus", tmp_path) as splits:
        rows = [("train", "a", "One."), ("train", "b", "Two."), ("train", "c", "Three.")]
        for split, name, text in [
            *rows,
            ("validation", "x", " One. "),
            ("validation", "b", "Four."),
        ]:
            splits.write(split, name, text, digest(text))
    assert splits.overlap() == 2


def test_names_of_special_tokens_are_counted(tmp_path):
    path = tmp_path / "book.txt"
    path.write_text("\n\n".join(f"{paragraph(n)}<|endoftext|>" for n in range(20)))
    prepare(path, tmp_path / "out")
    facts = json.loads((tmp_path / "out" / "tally.json").read_text())["facts"]
    assert facts["with the name of a special token, which pre-training reads as text"] == 20
