"""Rows with labels, by problem: which columns they are read from, and what makes one valid.

The half of a problem that stage `dataset` needs, apart from `tasks/problems/` because preparing
rows must neither wait for torch nor be done anew when a loss or a collator changes. A new problem
adds a class and a line to `SHAPES`.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from itertools import pairwise
from typing import Any, Protocol

from tasks.machinery.stage import StageError
from tasks.sources import Column, Columns, Row
from tasks.spec import LabelledData, TaskName

Example = dict[str, Any]


class Shape(Protocol):
    """What the rows of a problem look like.

    Attributes:
        COLUMNS: Columns as written, with their Arrow types; `document` is one of them.
        LABELS: What is counted, in the plural.
    """

    COLUMNS: Mapping[str, str]
    LABELS: str

    def columns(self, data: LabelledData) -> Columns:
        """The columns to read."""

    def parse(self, row: Row, data: LabelledData) -> Example:
        """A row as written, but for its document.

        Raises:
            StageError: the row has no text or no label, or one that is not valid.
        """

    def passage(self, example: Example) -> str:
        """The text by which two rows are the same."""

    def answer(self, example: Example) -> str:
        """What a model should answer: two rows of one text that differ in it contradict."""

    def counted(self, example: Example) -> Iterable[str]:
        """The labels to count in a row."""

    def names(self, examples: Iterable[str]) -> list[str]:
        """What a model can answer, in the order of its outputs, from all that was counted."""

    def shown(self, example: Example) -> tuple[str, str]:
        """The label or labels, and the text, for a page."""


class TextRows:
    """A text with one label."""

    COLUMNS: Mapping[str, str] = {"document": "string", "text": "string", "label": "string"}
    LABELS = "rows"

    def columns(self, data: LabelledData) -> Columns:
        """The text and the label."""
        return _columns(data, "text_column", "label_column")

    def parse(self, row: Row, data: LabelledData) -> Example:
        """Text and label, blanks around them taken away; numbers are fine as labels."""
        text, label = row.values[data.text_column], row.values[data.label_column]
        if not isinstance(text, str) or not text.strip():
            raise StageError(
                f"{row.where}: column {data.text_column!r} must be text, found {_kind(text)}"
            )
        if isinstance(label, int):
            label = str(label)
        if not isinstance(label, str) or not label.strip():
            raise StageError(
                f"{row.where}: the label is missing: column {data.label_column!r} holds "
                f"{_kind(label)}; every row needs one (text or a whole number)"
            )
        return {
            "text": encodable(text.strip(), row.where),
            "label": encodable(label.strip(), row.where),
        }

    def passage(self, example: Example) -> str:
        """The text."""
        return str(example["text"])

    def answer(self, example: Example) -> str:
        """The label."""
        return str(example["label"])

    def counted(self, example: Example) -> Iterable[str]:
        """The label."""
        return (example["label"],)

    def names(self, examples: Iterable[str]) -> list[str]:
        """The labels in alphabetical order."""
        return sorted(examples)

    def shown(self, example: Example) -> tuple[str, str]:
        """The label and the text."""
        return example["label"], example["text"]


class TokenRows:
    """A sentence of tokens with a BIO tag each."""

    COLUMNS: Mapping[str, str] = {
        "document": "string",
        "tokens": "list<string>",
        "tags": "list<string>",
    }
    LABELS = "spans"

    def columns(self, data: LabelledData) -> Columns:
        """The tokens and the tags."""
        return _columns(data, "tokens_column", "tags_column")

    def parse(self, row: Row, data: LabelledData) -> Example:
        """Tokens and tags, as many of one as of the other, the tags in the BIO scheme."""
        tokens = _strings(row, data.tokens_column)
        tags = _strings(row, data.tags_column)
        if len(tokens) != len(tags):
            raise StageError(
                f"{row.where}: {len(tokens)} tokens and {len(tags)} tags; each token needs one tag"
            )
        for number, (before, tag) in enumerate(pairwise(["O", *tags])):
            if problem := _wrong_tag(before, tag):
                raise StageError(
                    f"{row.where}, token {number + 1} ({tokens[number]!r}): tag {tag!r} {problem}"
                )
        return {"tokens": tokens, "tags": tags}

    def passage(self, example: Example) -> str:
        """The tokens in one line."""
        return " ".join(example["tokens"])

    def answer(self, example: Example) -> str:
        """The tags in one line."""
        return " ".join(example["tags"])

    def counted(self, example: Example) -> Iterable[str]:
        """The type of every span."""
        return (tag[2:] for tag in example["tags"] if tag.startswith("B-"))

    def names(self, examples: Iterable[str]) -> list[str]:
        """The tags: O, then B and I of each type."""
        return ["O", *(f"{mark}-{name}" for name in sorted(examples) for mark in "BI")]

    def shown(self, example: Example) -> tuple[str, str]:
        """The types of the spans, and the sentence with each span as [words](type)."""
        words: list[str] = []
        for token, tag in zip(example["tokens"], example["tags"], strict=True):
            if tag.startswith("I-"):
                span, _, name = words[-1].rpartition("](")
                words[-1] = f"{span} {token}]({name}"
            else:
                words.append(token if tag == "O" else f"[{token}]({tag[2:]})")
        return ", ".join(sorted(set(self.counted(example)))), " ".join(words)


SHAPES: Mapping[TaskName, Shape] = {
    "text-classification": TextRows(),
    "token-classification": TokenRows(),
}


def require_shares(data: LabelledData, given: Container[str]) -> tuple[float, float]:
    """The shares of the rows for test and validation; 0 for a split that the source has.

    Args:
        data: Its part of the experiment.
        given: The splits that the source has.

    Raises:
        StageError: they leave nothing to train on.
    """
    test = 0.0 if "test" in given else data.test_share
    validation = 0.0 if "validation" in given else data.validation_share
    if test + validation >= 1:
        raise StageError(
            f"downstream.{data.name}: test_share {test:g} and validation_share {validation:g} "
            "leave nothing to train on; their sum must be below 1"
        )
    return test, validation


def encodable(text: str, where: str) -> str:
    """The text, if UTF-8 can write it.

    Raises:
        StageError: it holds half a surrogate pair, as a JSON escape can.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        code = f"\\u{ord(text[error.start]):04x}"
        raise StageError(
            f"{where}: {code} is half a character (a lone surrogate); repair the text"
        ) from None
    return text


def _columns(data: LabelledData, *fields: str) -> Columns:
    path = f"downstream.{data.name}"
    needed = tuple(Column(getattr(data, field), f"{path}.{field}") for field in fields)
    return Columns(needed, data.document_column)


def _strings(row: Row, column: str) -> list[str]:
    values = row.values[column]
    must = f"{row.where}: column {column!r} must be a list of words, found"
    if isinstance(values, str):
        raise StageError(
            f"{must} {_kind(values)}; .conll, .jsonl and .parquet files can hold lists"
        )
    if not isinstance(values, list) or not values:
        raise StageError(f"{must} {_kind(values)}")
    for number, value in enumerate(values, 1):
        if not isinstance(value, str) or not value:
            hint = "" if isinstance(value, str) or value is None else "; write words, not numbers"
            raise StageError(f"{must} {_kind(value)} at place {number}{hint}")
    return [encodable(value, row.where) for value in values]


def _wrong_tag(before: str, tag: str) -> str:
    """What is wrong with a tag behind another one, or ""."""
    if tag == "O" or (tag[:2] in {"B-", "I-"} and tag[2:].strip()):
        if tag.startswith("I-") and before[2:] != tag[2:]:
            return (
                f"goes on with no span: B-{tag[2:]} must begin it, and the tag before is {before!r}"
            )
        return ""
    return "is not a BIO tag; accepted: O, B-TYPE where a span begins, I-TYPE where it goes on"


def _kind(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, str | list) and not (value.strip() if isinstance(value, str) else value):
        return "an empty text" if isinstance(value, str) else "an empty list"
    if isinstance(value, str | int | float):
        return f"{type(value).__name__} {str(value)[:40]!r}"
    return f"a {type(value).__name__}"
