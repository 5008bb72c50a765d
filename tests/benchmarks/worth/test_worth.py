"""The problems of the part `worth`, without its trainings."""

import csv

import pytest
import yaml

from flows.presets.loading import load_experiment
from tests.benchmarks.worth.authorship import EACH, WORDS, Book, write_authorship
from tests.benchmarks.worth.experiments import books


def write_book(folder, author, title, words):
    lines = [f"{title} {i}" for i in range(words // 2)]
    text = "\n\n".join(["# Title: x", f"## Author: {author}", "-------", "## CHAPTER I", *lines])
    (folder / f"{author}-{title}.md").write_text(text)


@pytest.fixture
def written(tmp_path):
    """Three books of one author, one of another."""
    (tmp_path / "books").mkdir()
    for title, words in {"long": 20_000, "middle": 9000, "short": 500}.items():
        write_book(tmp_path / "books", "ann", title, words)
    write_book(tmp_path / "books", "bob", "single", 9000)
    write_authorship(tmp_path / "books", tmp_path / "authorship")
    return tmp_path


def rows(folder, split):
    with (folder / "authorship" / "labelled" / f"{split}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_book_that_is_tested_is_neither_in_the_corpus_nor_trained_on(written):
    kept = sorted(file.stem for file in (written / "authorship" / "corpus").iterdir())
    assert kept == ["ann-long", "ann-short", "bob-single"]
    assert {row["text"].split()[0] for row in rows(written, "test")} == {"middle"}
    known = {row["text"].split()[0] for row in rows(written, "train")}
    assert "middle" not in known
    assert known <= {"long", "short"}


def test_passages_have_their_words_and_no_heading_and_are_drawn_once(written):
    drawn = [row["text"] for split in EACH for row in rows(written, split)]
    assert len(set(drawn)) == len(drawn)
    assert all(len(text.split()) == WORDS and "#" not in text for text in drawn)
    assert {split: len(rows(written, split)) for split in ("train", "validation")} == {
        "train": EACH["train"],
        "validation": EACH["validation"],
    }


def test_an_author_with_one_book_is_read_and_not_asked_for(written):
    labels = {row["label"] for split in EACH for row in rows(written, split)}
    assert labels == {"ann"}


def test_a_book_without_an_author_is_refused(tmp_path):
    (tmp_path / "a.md").write_text("# Title: a\n-------\ntext")
    with pytest.raises(ValueError, match="Author"):
        Book.read(tmp_path / "a.md")


def test_the_experiment_on_books_is_valid_and_needs_its_data(written, tmp_path):
    assert books(written, tmp_path / "nowhere") is None
    (tmp_path / "classic-books" / "books").mkdir(parents=True)
    (tmp_path / "wnut17").mkdir()
    file = books(written, tmp_path)
    assert [each["name"] for each in yaml.safe_load(file.read_text())["downstream"]] == [
        "authorship",
        "entities",
    ]
    assert len(load_experiment(str(file)).downstream) == 2
