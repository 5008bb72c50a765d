"""Rows of a question, a text, and the parts of the text that answer it: which rows are valid.

The answers are a list, each of them a text with its first character: {"text": …, "start": …}, or
`answer_start`; or one of them; or, as `datasets` has SQuAD, {"text": […], "answer_start": […]}. In
tables an answer is a text, and its first character may be in a column of its own. An empty list, an
empty text and nothing mean that the text has no answer, as in SQuAD 2.

A text is not stripped, since characters are counted in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tasks.contract import StageError
from tasks.data.notices import Notices
from tasks.data.pairs import BETWEEN
from tasks.data.rows import Columns, Example, LabelCounts, Row, columns_of, encodable, kind_of
from tasks.experiment.problem import LabelledData
from tasks.problems.question_answering.excerpt import excerpt

COLUMNS: Mapping[str, str] = {
    "document": "string",
    "question": "string",
    "text": "string",
    "answer": "list<span>",
}
LABELS = ""

ROLES = ("question", "text", "answer", "answer_start")
ROLE_WORDS = {
    "question": "Column with the question on the text",
    "answer": "Column with the answers, parts of the text: a list of {text, start}, or a text; "
    "empty for no answer",
    "answer_start": "Column with the first character of the answer in its text, from 0, where "
    "answers are texts; empty: the answer is looked for",
}
OPTIONAL_ROLES = ("answer_start",)

STARTS = ("start", "answer_start")
NO_ANSWER = "questions that their text does not answer"
_MOVED = "answers that are not at their first character: the nearest place in the text is taken"
_GUESSED = "answers without a first character that their text has several times: the first is taken"
_BLANK = "blank answers beside others: left out"
_ACCEPTED = (
    'a list of answers such as [{"text": "a cat", "start": 12}], {"text": ["a cat"], '
    '"answer_start": [12]}, or a text; empty for no answer'
)


def columns(data: LabelledData) -> Columns:
    """The question, the text and the answers; rows without a document are of one by their text."""
    return replace(columns_of(data, *ROLES), passage=data.columns.text)


def parse(row: Row, data: LabelledData, notices: Notices) -> Example:
    """The question, stripped, the text as it is, and each answer with its first character."""
    question = _text(row, data.columns.of("question")).strip()
    text = _text(row, data.columns.text)
    column = data.columns.of("answer")
    where = f"{row.where}: column {column!r}"
    place = data.columns.of("answer_start")
    start = row.values[place] if place else None
    answers = [
        _placed(written, first, text, where, notices)
        for written, first in written_answers(row.values[column], start, where)
    ]
    written = row.values[column]
    if answers and isinstance(written, list) and len(written) > len(answers):
        notices.add(_BLANK, f"{row.where}: {question}")
    if not answers:
        notices.add(NO_ANSWER, f"{row.where}: {question}")
    known = {(answer["text"], answer["start"]): answer for answer in answers}
    return {"question": question, "text": text, "answer": list(known.values())}


def _text(row: Row, column: str) -> str:
    found = row.values[column]
    if not isinstance(found, str) or not found.strip():
        raise StageError(f"{row.where}: column {column!r} must be text, found {kind_of(found)}")
    return encodable(found, row.where)


def written_answers(value: Any, start: Any, where: str) -> Iterator[tuple[str, Any]]:
    """The answers as they are written, each with its first character, or None.

    Args:
        value: What is written for the answers.
        start: The first character of it, if that is written apart.
        where: Its place, for messages.

    Raises:
        StageError: it is no answer.
    """
    if isinstance(value, str):
        if value.strip():
            yield value, start
    elif isinstance(value, Mapping) and "text" in value:
        first = next((value[name] for name in STARTS if name in value), start)
        yield from written_answers(value["text"], first, where)
    elif isinstance(value, list):
        for each, first in zip(value, _of_each(start, len(value), where), strict=True):
            yield from written_answers(each, first, where)
    elif value is not None:
        raise StageError(f"{where} contains {kind_of(value)}; accepted: {_ACCEPTED}")


def _of_each(start: Any, count: int, where: str) -> Sequence[Any]:
    """The first character of each of some answers; None where they are not written apart."""
    if start is None:
        return [None] * count
    if isinstance(start, list) and len(start) == count:
        return start
    found = f"{len(start)} first characters" if isinstance(start, list) else kind_of(start)
    raise StageError(
        f"{where}: {count} answers and {found}; each answer needs one first character, or none has"
    )


def _placed(answer: str, start: Any, text: str, where: str, notices: Notices) -> dict[str, Any]:
    """An answer without blanks around it, and its first character in the text.

    Raises:
        StageError: the text does not have it.
    """
    bare = answer.strip()
    places = [match.start() for match in re.finditer(re.escape(bare), text)]
    if not places:
        raise StageError(
            f"{where}: the answer {bare!r:.60} is not in its text; accepted: a part of the text, "
            "letter by letter, or nothing where the text has no answer"
        )
    first = _number(start, where)
    if first is None:
        if len(places) > 1:
            notices.add(_GUESSED, f"{where}: {bare}")
        return {"text": bare, "start": places[0]}
    wanted = first + len(answer) - len(answer.lstrip())
    if not text.startswith(bare, wanted):  # `places` lack those that overlap with another
        notices.add(_MOVED, f"{where}: {bare}")
        wanted = min(places, key=lambda place: abs(place - wanted))
    return {"text": bare, "start": wanted}


def _number(start: Any, where: str) -> int | None:
    """A first character as a number; None where none is written.

    Raises:
        StageError: it is no whole number from 0 on.
    """
    if start is None or (isinstance(start, str) and not start.strip()):
        return None
    if isinstance(start, str) and start.strip().isdecimal():
        return int(start)
    if isinstance(start, float) and start.is_integer():
        start = int(start)
    if isinstance(start, bool) or not isinstance(start, int) or start < 0:
        raise StageError(
            f"{where}: {kind_of(start)} is no first character of an answer; accepted: a whole "
            "number, counted in characters from 0"
        )
    return start


def passage(example: Example) -> str:
    """The question and the text."""
    return BETWEEN.join((example["question"], example["text"]))


def answer(example: Example) -> str:
    """The texts of the answers."""
    return "\n".join(sorted({each["text"] for each in example["answer"]}))


def counted(example: Example) -> Iterable[str]:
    """Nothing: answers are no labels."""
    return ()


def labels(data: LabelledData, counts: LabelCounts, rows: int) -> list[str]:
    """None."""
    return []


def shown(example: Example) -> tuple[str, str]:
    """The answers, and the question with the text around the first of them."""
    answers = example["answer"]
    start = answers[0]["start"] if answers else 0
    said = " | ".join(dict.fromkeys(each["text"] for each in answers)) or "none"
    return said, excerpt(example["question"], example["text"], start)
