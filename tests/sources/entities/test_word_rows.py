"""Tables with a word a row become sentences, by the column that numbers them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tasks.contract import StageError
from tasks.data.rows import Column
from tasks.sources.entities.word_rows import sentence_column
from tasks.sources.files import reader_of
from tasks.sources.lines import File

FIRST = ["Sentence #,Word,POS,Tag", "Sentence: 1,Otto,NNP,B-PER", ',"runs, so",VBZ,O']
KAGGLE = [*FIRST, "Sentence: 2,Rome,NNP,B-LOC"]
EACH = ["sentence_idx,Word,Tag", "1,Otto,B-PER", '1,"runs, so",O', "2,Rome,B-LOC"]
EMPTY = [*FIRST, ",,,", ",Rome,NNP,B-LOC"]
SENTENCES = [(["Otto", "runs, so"], ["B-PER", "O"]), (["Rome"], ["B-LOC"])]


def column(role: str, name: str) -> Column:
    return Column(name, f"downstream.x.columns.{role}")


def read(folder: Path, text: str, name: str = "a.csv", **columns: str) -> list[Any]:
    (folder / name).write_text(text)
    file, roles = File(folder / name, name), {"tokens": "Word", "tags": "Tag", **columns}
    asked = [*(column(role, each) for role, each in roles.items()), Column("document")]
    records = list(reader_of(file)(file, asked))
    return [(values[roles["tokens"]], values[roles["tags"]]) for _, values in records]


@pytest.mark.parametrize("lines", [KAGGLE, EACH, EMPTY])
def test_words_are_joined_to_sentences(lines: list[str], tmp_path: Path) -> None:
    assert read(tmp_path, "\n".join(lines) + "\n") == SENTENCES


@pytest.mark.parametrize("lines", [KAGGLE, EACH])
def test_words_may_be_separated_by_tabs(lines: list[str], tmp_path: Path) -> None:
    without = [line.replace('"runs, so"', "runs") for line in lines]
    tabs = read(tmp_path, "\n".join(without).replace(",", "\t") + "\n", "a.tsv")
    assert [len(words) for words, _ in tabs] == [2, 1]


def test_the_column_of_sentences_may_be_named_or_numbered(tmp_path: Path) -> None:
    text = "7,Otto,B-PER\n7,runs,O\n8,Rome,B-LOC\n"
    named = "page,Word,Tag\n" + text
    expected = [(["Otto", "runs"], ["B-PER", "O"]), (["Rome"], ["B-LOC"])]
    assert read(tmp_path, named, sentence="page") == expected
    assert read(tmp_path, text, tokens="1", tags="2", sentence="0") == expected


def test_a_tsv_with_blank_lines_is_read_as_conll(tmp_path: Path) -> None:
    text = "Otto\tB-PER\nruns\tO\n\nRome\tB-LOC\n"
    assert read(tmp_path, text, "train.tsv", tokens="tokens", tags="tags") == [
        (["Otto", "runs"], ["B-PER", "O"]),
        (["Rome"], ["B-LOC"]),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Word,Tag\nOtto,B-PER\n", "line 2: 'Otto' in column 'Word' is a word of a sentence"),
        ("Sentence #,Word,Tag\n1,,O\n", "line 2: a word and its tag are needed, found ''"),
        ("Sentence #,Word,Tag\n1,a,\n", "line 2: a word and its tag are needed, found 'a'"),
    ],
)
def test_a_table_without_sentences_or_words_is_refused(
    text: str, said: str, tmp_path: Path
) -> None:
    with pytest.raises(StageError) as error:
        read(tmp_path, text)
    assert said in str(error.value)


def test_numbers_of_sentences_are_known_by_their_usual_names() -> None:
    names = ("Sentence #", "sentence_id", "sent_id", "SentenceIdx", "sentence_no", "Sent. No.")
    assert [sentence_column(["Word", name]) for name in names] == [*names]
    assert sentence_column(["sentence", "sent", "text", "sentiment"]) == ""


@pytest.mark.parametrize("outer", ["Doc ID", "document", "part"])
def test_a_number_that_comes_again_in_another_document_or_split_is_another_sentence(
    outer: str, tmp_path: Path
) -> None:
    lines = [f"{outer},sentence_id,word,tag"]
    for each in ("train", "test"):
        lines += [f"{each},1,Boris,B-PER", ",1,lives,O"]
    file = tmp_path / "a.csv"
    file.write_text("\n".join(lines) + "\n")
    wanted = [column("tokens", "word"), column("tags", "tag"), Column("document")]
    wanted += [column("split", "part")] if outer == "part" else []
    read_as = File(file, "a.csv")
    found = [values["word"] for _, values in reader_of(read_as)(read_as, wanted)]
    assert found == [["Boris", "lives"]] * 2


def test_a_quotation_mark_that_swallows_rows_is_told(tmp_path: Path) -> None:
    text = 'sentence_id,word,tag\n1,",O\n1,Boris,B-PER\n1,",O\n'
    with pytest.raises(StageError, match=r'line 2: a word has several lines.*write one as """"'):
        read(tmp_path, text, tokens="word", tags="tag")
