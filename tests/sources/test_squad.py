"""SQuAD's JSON, known by its content: as one line, indented, without an ending, packed."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from tasks.contract import StageError
from tasks.data.rows import Column
from tasks.sources.files import reader_of
from tasks.sources.lines import File

COLUMNS = [
    Column("question", "downstream.x.columns.question"),
    Column("text", "downstream.x.columns.text"),
    Column("answer", "downstream.x.columns.answer"),
    Column("document"),
]


def content(**more: Any) -> dict[str, Any]:
    """Two articles with three questions, the last of which has no answer."""
    answer = {"text": "a cat", "answer_start": 7}
    first = {
        "context": "It was a cat.",
        "qas": [{"id": "1", "question": "What?", "answers": [answer]}],
    }
    second = {
        "context": "It was not.",
        "qas": [
            {"id": "2", "question": "Was it?", "answers": [{"text": "not", "answer_start": 7}]},
            {"id": "3", "question": "Who?", "answers": [], "is_impossible": True}
            | {"plausible_answers": [answer]},
        ],
    }
    articles = [
        {"title": "Cats", "paragraphs": [first]},
        {"title": "Others", "paragraphs": [second]},
    ]
    return {"version": "v2.0", "data": articles} | more


def rows(folder: Path, text: str, name: str, columns: list[Column] | None = None) -> list[Any]:
    data = text.encode()
    (folder / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    file = File(folder / name, name)
    return list(reader_of(file)(file, columns or COLUMNS))


@pytest.mark.parametrize("name", ["train.json", "squad", "train-v2.0", "dev.json.gz"])
@pytest.mark.parametrize("indent", [None, 1])
def test_its_questions_are_rows_whatever_the_file_is_called(
    name: str, indent: int | None, tmp_path: Path
) -> None:
    found = rows(tmp_path, json.dumps(content(), indent=indent), name)
    assert [values["question"] for _, values in found] == ["What?", "Was it?", "Who?"]
    assert [values["text"] for _, values in found] == ["It was a cat.", *["It was not."] * 2]
    assert [values["document"] for _, values in found] == ["Cats", "Others", "Others"]
    assert [len(values["answer"]) for _, values in found] == [1, 1, 0]
    assert found[2][0].endswith("paragraph 1, question 2")
    assert found[2][0].startswith(name)


def test_columns_as_the_hub_has_them_may_be_named(tmp_path: Path) -> None:
    names = {"question": "question", "text": "context", "answer": "answers"}
    columns = [Column(name, f"columns.{role}") for role, name in names.items()]
    found = rows(tmp_path, json.dumps(content()), "t.json", [*columns, Column("title")])
    assert found[0][1]["context"] == "It was a cat."
    assert found[0][1]["title"] == "Cats"


def test_articles_in_a_bare_list_are_read_too(tmp_path: Path) -> None:
    assert len(rows(tmp_path, json.dumps(content()["data"]), "t.json")) == 3


def test_an_article_without_a_paragraph_has_no_question(tmp_path: Path) -> None:
    values = content()
    values["data"].insert(1, {"title": "Empty", "paragraphs": []})
    assert len(rows(tmp_path, json.dumps(values), "t.json")) == 3


def test_what_is_marked_as_impossible_has_no_answer(tmp_path: Path) -> None:
    values = content()
    values["data"][0]["paragraphs"][0]["qas"][0] |= {"is_impossible": True, "answers": []}
    assert rows(tmp_path, json.dumps(values), "t.json")[0][1]["answer"] == []


def test_another_column_than_those_of_squad_is_told(tmp_path: Path) -> None:
    with pytest.raises(StageError, match=r"no column 'label' \(columns.label\).*'context'"):
        rows(tmp_path, json.dumps(content()), "t.json", [Column("label", "columns.label")])
    values = content()
    for article in values["data"]:
        for paragraph in article["paragraphs"]:
            for question in paragraph["qas"]:
                del question["answers"]
    with pytest.raises(StageError, match=r"item 1, paragraph 1, question 1: no column 'answer'"):
        rows(tmp_path, json.dumps(values), "t.json")
    assert len(rows(tmp_path, json.dumps(values), "t.json", COLUMNS[:2])) == 3


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda p: p.update(qas={}), "item 2, paragraph 1: 'qas' must be a list of questions"),
        (
            lambda p: p["qas"][0].update(is_impossible=True),
            "question 1: 'is_impossible' is true, and 'answers' has ",
        ),
        (lambda p: p["qas"].append(7), "item 2, paragraph 1, question 3: found 7, not an object"),
        (lambda p: p["qas"][0].pop("question"), "item 2, paragraph 1, question 1: no 'question'"),
    ],
)
def test_what_squad_would_not_have_is_told_with_its_place(
    change: Any, said: str, tmp_path: Path
) -> None:
    values = content()
    change(values["data"][1]["paragraphs"][0])
    with pytest.raises(StageError, match=said):
        rows(tmp_path, json.dumps(values), "t.json")
