"""Tagged tokens as people have them: columns, indices, comments, documents, schemes."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tasks.contract import Silent, StageError
from tasks.data.rows import Column, Columns
from tasks.experiment.problem import LabelledData
from tasks.sources import resolve
from tasks.stages.dataset import prepare_dataset
from tests.sources.test_files import ignore

COLUMNS = Columns(
    (Column("tokens", "downstream.x.columns.tokens"), Column("tags", "downstream.x.columns.tags")),
    "document",
)
SENTENCE = (["Boris", "Brook", "#", "#in", "New\u00a0York"], ["B-PER", "I-PER", "O", "O", "B-LOC"])


def rows(path: Path, columns: Columns = COLUMNS) -> list[Any]:
    source = resolve(str(path), "downstream.x.source", "token-classification")
    return list(source.rows(columns, ignore))


def write(path: Path, row: str, before: str = "", after: str = "") -> Path:
    """A file of one sentence, each row in this format."""
    lines = [row.format(n, *cells) for n, cells in enumerate(zip(*SENTENCE, strict=True), 1)]
    path.write_text("\n".join([*([before] if before else []), *lines, after]) + "\n")
    return path


@pytest.mark.parametrize(
    ("row", "before"),
    [
        ("{1} {2}", ""),
        ("{1}\t{2}", ""),
        ("{1}\t{2}\t", ""),  # a separator at the end of each line
        ("{1} NN I-NP {2}", ""),
        ("{0}\t{1}\t_\tNOUN\t_\t{2}", "# sent_id = 0\n# text = Boris Brook in New York"),
        ("{1}\t{2}", "# id 1"),
    ],
)
def test_the_token_and_the_tag_are_found(tmp_path: Path, row: str, before: str) -> None:
    [found] = rows(write(tmp_path / "t.conll", row, before))
    assert (found.values["tokens"], found.values["tags"]) == SENTENCE


def test_numbers_that_are_no_index_are_tokens(tmp_path: Path) -> None:
    (tmp_path / "t.conll").write_text("1 NN O\n3 NN O\n")
    assert rows(tmp_path / "t.conll")[0].values["tokens"] == ["1", "3"]


def test_roles_that_are_numbers_choose_the_columns(tmp_path: Path) -> None:
    path = write(tmp_path / "t.conll", "x {1} {2} y")
    chosen = Columns((Column("1", "columns.tokens"), Column("2", "columns.tags")), "document")
    [found] = rows(path, chosen)
    assert (found.values["1"], found.values["2"]) == SENTENCE
    beyond = Columns((Column("1", "columns.tokens"), Column("4", "columns.tags")), "document")
    with pytest.raises(StageError, match=r"line 1: columns.tags is 4, but the line has 4 columns"):
        rows(path, beyond)


@pytest.mark.parametrize("mark", ["-DOCSTART- -X- O O\n", "-DOCSTART-\n", "# newdoc id = {}\n"])
def test_a_mark_begins_a_document_and_is_no_row(tmp_path: Path, mark: str) -> None:
    sentences = "a NN X O\n\nb NN X O\n\n"
    (tmp_path / "t.conll").write_text("".join(mark.format(n) + "\n" + sentences for n in "pq"))
    found = rows(tmp_path / "t.conll")
    assert [row.values["tokens"] for row in found] == [["a"], ["b"], ["a"], ["b"]]
    documents = [row.document for row in found]
    assert documents[0] == documents[1] != documents[2] == documents[3]
    assert all(document.startswith("t.conll#") for document in documents)


def test_a_line_with_more_columns_than_those_before_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "t.conll").write_text("in O\nNew York B-LOC\n")
    with pytest.raises(StageError, match=r"line 2: 'New York B-LOC' has 3 columns, but .* have 2"):
        rows(tmp_path / "t.conll")


def test_a_token_that_begins_with_a_hash_and_lacks_its_tag_is_no_comment(tmp_path: Path) -> None:
    (tmp_path / "t.conll").write_text("in O\n#TGIF\n")
    with pytest.raises(StageError, match=r"line 2: '#TGIF' is not a row"):
        rows(tmp_path / "t.conll")


def test_files_of_text_named_after_a_split_and_packed_ones_are_read(tmp_path: Path) -> None:
    write(tmp_path / "train.conll", "{1} {2}")
    write(tmp_path / "dev.txt", "{1} {2}")
    (tmp_path / "notes.txt").write_text("Where the data come from.")
    packed = write(tmp_path / "t", "{1} {2}")
    (tmp_path / "test.conll.gz").write_bytes(gzip.compress(packed.read_bytes()))
    packed.unlink()
    assert sorted(row.split for row in rows(tmp_path)) == ["test", "train", "validation"]
    whole = (tmp_path / "test.conll.gz").read_bytes()
    (tmp_path / "test.conll.gz").write_bytes(whole[:-12])
    with pytest.raises(StageError, match=r"test.conll.gz: not a complete gzip file"):
        rows(tmp_path)


SCHEMES = {
    "BIO": ["B-A", "I-A", "O", "B-B", "B-B", "O", "B-A"],
    "IOB1": ["I-A", "I-A", "O", "I-B", "B-B", "O", "I-A"],
    "BIOES": ["B-A", "E-A", "O", "S-B", "S-B", "O", "S-A"],
    "BILOU": ["B-A", "L-A", "O", "U-B", "U-B", "O", "U-A"],
}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_all_schemes_of_tags_become_bio_and_that_is_said(tmp_path: Path, scheme: str) -> None:
    (tmp_path / "data").mkdir()
    for split, count in (("train", 6), ("dev", 2), ("test", 2)):
        blocks = [
            "\n".join(f"{split}{n}-{i} {tag}" for i, tag in enumerate(SCHEMES[scheme]))
            for n in range(count)
        ]
        (tmp_path / "data" / f"{split}.conll").write_text("\n\n".join(blocks) + "\n")
    source = resolve(str(tmp_path / "data"), "downstream.x.source", "token-classification")
    (tmp_path / "out").mkdir()
    data = LabelledData(name="x", problem="token-classification")
    monitor = Silent()
    prepare_dataset(data, source, 0, out=tmp_path / "out", monitor=monitor)
    tags = pd.read_parquet(tmp_path / "out" / "train.parquet")["tags"]
    assert all(list(each) == SCHEMES["BIO"] for each in tags)
    said = " ".join(monitor.said)
    assert ("as in IOB1" in said) is (scheme == "IOB1")
    assert ("of the scheme BIOES or BILOU" in said) is (scheme in {"BIOES", "BILOU"})
