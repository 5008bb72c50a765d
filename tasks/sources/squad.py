"""SQuAD's JSON: articles of paragraphs, each with questions (Rajpurkar et al. 2016, 2018).

    {"version": …, "data": [{"title": …, "paragraphs": [{"context": …, "qas": [
        {"id": …, "question": …, "answers": [{"text": …, "answer_start": …}]}]}]}]}

It is known by its content, whatever the file is called. A question becomes a row with the columns
that the data sets of the Hugging Face Hub have: `id`, `title`, `context`, `question` and `answers`.
The roles of columns need not be given: each finds its column here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tasks.contract import StageError
from tasks.data.rows import Column
from tasks.sources.columns import require

# The column of each role, where an experiment does not name it.
ROLES = {"text": "context", "answer": "answers", "document": "title"}


def articles_in(values: Mapping[str, Any]) -> list[Mapping[str, Any]] | None:
    """The article that an object is, or the articles of the file that it is; None if neither."""
    if _is_article(values):
        return [values]
    if set(values) == {"title", "paragraphs"} and values["paragraphs"] == []:
        return []  # an article without a question
    data = values.get("data")
    if not isinstance(data, list) or not all(map(_has_paragraphs, data)):
        return None
    return list(data) if any(map(_is_article, data)) else None


def _has_paragraphs(value: Any) -> bool:
    """Whether it may be an article; one may have no paragraph."""
    return isinstance(value, Mapping) and isinstance(value.get("paragraphs"), list)


def _is_article(value: Any) -> bool:
    return _has_paragraphs(value) and any(
        isinstance(each, Mapping) and "context" in each and "qas" in each
        for each in value["paragraphs"]
    )


def questions(
    articles: Sequence[Mapping[str, Any]], where: str, columns: Sequence[Column]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The questions of articles as rows, each with its place.

    Raises:
        StageError: a paragraph or a question lacks a part, or a column that is needed is not there.
    """
    for number, article in enumerate(articles, 1):
        here = f"{where}, article {number}" if len(articles) > 1 else where
        for count, paragraph in enumerate(article["paragraphs"], 1):
            place = f"{here}, paragraph {count}"
            context, asked = _parts(paragraph, ("context", "qas"), place)
            if not isinstance(asked, list):
                raise StageError(f"{place}: 'qas' must be a list of questions")
            for each, question in enumerate(asked, 1):
                yield _row(
                    question,
                    {"title": article.get("title"), "context": context},
                    f"{place}, question {each}",
                    columns,
                )


def _row(
    question: Any, around: Mapping[str, Any], where: str, columns: Sequence[Column]
) -> tuple[str, Mapping[str, Any]]:
    """A question as a row; no answer where it is marked as impossible."""
    [text] = _parts(question, ("question",), where)
    own = {"id": question.get("id"), **around, "question": text}
    if "answers" in question:  # not where they are held back
        impossible = question.get("is_impossible") is True
        if impossible and question["answers"]:
            raise StageError(
                f"{where}: 'is_impossible' is true, and 'answers' has {question['answers']!r:.60}; "
                "accepted: an empty list with it, or false"
            )
        own["answers"] = question["answers"]
    values = own | {
        column.name: own[name]
        for column in columns
        if column.name not in own and (name := _usual(column)) in own
    }
    require(columns, list(values), where)
    return where, values


def _usual(column: Column) -> str:
    """The column of SQuAD for a column that an experiment or a command asks for, or ""."""
    role = column.field.rpartition(".")[2]
    if column.field or column.name == "document":
        return ROLES.get(role) or ROLES.get(column.name, "")
    return ""


def _parts(value: Any, names: Sequence[str], where: str) -> list[Any]:
    if not isinstance(value, Mapping):
        raise StageError(f"{where}: found {value!r:.60}, not an object with {' and '.join(names)}")
    for name in names:
        if name not in value:
            there = ", ".join(map(repr, value))
            raise StageError(f"{where}: no {name!r}, which SQuAD has there; found {there}")
    return [value[name] for name in names]
