"""Rows that a model is to answer: which columns are read, and what stands beside the answers."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from flows.calls.given_rows import read_rows
from flows.calls.inputs import in_memory
from flows.calls.predicting import beside

LEARNT = ("text", "body")


def written(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(text)
    return str(folder / name)


@pytest.mark.parametrize(
    ("header", "read"),
    [("id,body", "body"), ("id,text", "text"), ("text,body", "body")],
)
def test_the_column_that_the_model_learnt_from_is_read_or_else_the_usual_one(
    header: str, read: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = read_rows(written(tmp_path, "a.csv", f"{header}\n1,x\n"), LEARNT, words=False)
    assert found.inputs == ["x"]
    [other] = {*header.split(",")} - {read}
    assert found.others == [{other: "1"}]
    assert ("'body' is read" in capsys.readouterr().err) == (read == "body")
    table = pd.DataFrame([["1", "x"]], columns=header.split(","))
    assert list(in_memory(table, LEARNT, words=False)) == ["x"]


def test_a_number_of_a_column_is_read_where_the_usual_name_is_not_there(tmp_path: Path) -> None:
    bare = written(tmp_path, "a.csv", "7,some words\n8,others\n")
    assert read_rows(bare, ("text", "1"), words=False).inputs == ["some words", "others"]
    named = written(tmp_path, "b.csv", "id,text\n7,some words\n")
    assert read_rows(named, ("text", "1"), words=False).inputs == ["some words"]


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.parquet", "a.xlsx"])
def test_all_other_columns_are_kept(name: str, tmp_path: Path) -> None:
    table = pd.DataFrame({"id": ["a7", "b8"], "text": ["one", "two"], "note": ["x", "y"]})
    writers = {
        "a.jsonl": lambda path: table.to_json(path, orient="records", lines=True),
        "a.csv": lambda path: table.to_csv(path, index=False),
        "a.parquet": table.to_parquet,
        "a.xlsx": lambda path: table.to_excel(path, index=False),
    }
    writers[name](tmp_path / name)
    found = read_rows(str(tmp_path / name), "text", words=False)
    assert found.beside().to_dict("list") == {"id": ["a7", "b8"], "note": ["x", "y"]}


def test_answers_stand_behind_them_in_the_order_of_the_rows(
    capsys: pytest.CaptureFixture[str],
) -> None:
    others = pd.DataFrame({"id": [1, 2, 3], "predicted": ["a", "b", "c"]}, index=[9, 8, 7])
    tables = [
        pd.DataFrame({"text": [f"t{n}" for n in some], "predicted": some}) for some in ([1, 2], [3])
    ]
    tables[0].attrs["cut"] = 5
    found = list(beside(tables, others))
    assert [list(table) for table in found] == [["id", "given_predicted", "text", "predicted"]] * 2
    assert [list(table["id"]) for table in found] == [[1, 2], [3]]
    assert list(found[1]["given_predicted"]) == ["c"]
    assert found[0].attrs["cut"] == 5
    assert "renamed: given_predicted" in capsys.readouterr().err
    assert list(next(beside(tables, pd.DataFrame()))) == ["text", "predicted"]


def test_missing_columns_of_a_row_are_empty(tmp_path: Path) -> None:
    lines = [{"id": 1, "text": "a"}, {"text": "b", "more": [2]}]
    file = written(tmp_path, "a.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    table = read_rows(file, "text", words=False).beside()
    assert table.to_dict("records") == [{"id": 1, "more": None}, {"id": None, "more": [2]}]


def test_words_of_tagged_files_and_of_a_word_a_row_are_read_as_sentences(tmp_path: Path) -> None:
    conll = written(tmp_path, "a.conll", "Otto B-PER\nruns O\n\nRome B-LOC\n")
    rows = written(
        tmp_path, "a.csv", "Sentence #,Word,Tag\nSentence: 1,Otto,O\n,runs,O\n2,Rome,O\n"
    )
    for file, columns in ((conll, "tokens"), (rows, ("tokens", "Word"))):
        found = read_rows(file, columns, words=True)
        assert found.inputs == [["Otto", "runs"], ["Rome"]]
    assert found.others[0]["Sentence #"] == "Sentence: 1"
