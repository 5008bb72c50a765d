"""Documents and labelled rows as a source yields them, and the shape of a problem's rows."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from tasks.contract import StageError
from tasks.data.notices import Notices
from tasks.data.same_text import content, digest_of
from tasks.experiment.problem import LabelledData

Example = dict[str, Any]
LabelCounts = Mapping[str, Mapping[str, int]]  # how often each label is in each split


class Shape(Protocol):
    """The shape of a problem's rows: the names in its `rows.py`.

    Attributes:
        ROLES: The roles of its columns, a tuple of names of `downstream.NAME.columns` written in
            place: forms and checks read it from the source. A role that no other problem has (it
            is not in `tasks/experiment/problem.py: CommonRoles`) is described in ROLE_WORDS, also
            written in place: {role: description}; OPTIONAL_ROLES are those that need no column.
        COLUMNS: Columns as written, with their types (those of `tasks/data/tables.py`); `document`
            is one of them. A column with the name of a role is left out where the role has none.
        LABELS: The name of what is counted by label, in the plural; "" without labels.
    """

    ROLES: tuple[str, ...]
    COLUMNS: Mapping[str, str]
    LABELS: str

    def columns(self, data: LabelledData) -> Columns:
        """The columns to read."""

    def parse(self, row: Row, data: LabelledData, notices: Notices) -> Example | None:
        """A row as written, without its document; None to leave it out.

        Args:
            row: As the source has it.
            data: Its part of the experiment.
            notices: Receives what is converted or left out.

        Raises:
            StageError: the row has no text or no label, or one that is not valid.
        """

    def passage(self, example: Example) -> str:
        """The text by which two rows are the same."""

    def answer(self, example: Example) -> str:
        """The correct answer: two rows of one text that differ in it contradict each other."""

    def counted(self, example: Example) -> Iterable[str]:
        """The labels to count in a row; none if answers are not labels."""

    def labels(self, data: LabelledData, counts: LabelCounts, rows: int) -> list[str]:
        """The possible answers of a model, in the order of its outputs; empty without labels.

        Args:
            data: Its part of the experiment.
            counts: The counts of labels in each split.
            rows: The number of training rows.

        Raises:
            StageError: a model cannot learn all labels from these rows.
        """

    def shown(self, example: Example) -> tuple[str, str]:
        """The answer and the text, for a page."""


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
        StageError: it contains half a surrogate pair, as a JSON escape can.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        code = f"\\u{ord(text[error.start]):04x}"
        raise StageError(
            f"{where}: {code} is half a character (a lone surrogate); repair the text"
        ) from None
    return text


def columns_of(data: LabelledData, *roles: str) -> Columns:
    """The columns that have these roles, each needed, and those of documents and splits.

    A role without a column, such as the second text of rows that are no pairs, is left out.
    """
    path = f"downstream.{data.name}.columns"
    names = {role: getattr(data.columns, role) for role in roles}
    needed = tuple(Column(name, f"{path}.{role}") for role, name in names.items() if name)
    split = (Column(data.columns.split, f"{path}.split"),) if data.columns.split else ()
    return Columns(needed, data.columns.document, *split)


def columns_written(shape: Shape, data: LabelledData) -> dict[str, str]:
    """The columns of the rows as written, with their types: without those of unused roles."""
    return {name: kind for name, kind in shape.COLUMNS.items() if getattr(data.columns, name, name)}


def kind_of(value: Any) -> str:
    """A description of a value found in place of a text, for a message."""
    if value is None:
        return "nothing"
    if isinstance(value, str | list) and not (value.strip() if isinstance(value, str) else value):
        return "an empty text" if isinstance(value, str) else "an empty list"
    if isinstance(value, str | int | float):
        return f"{type(value).__name__} {str(value)[:40]!r}"
    return f"a {type(value).__name__}"


Split = Literal["", "train", "validation", "test"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column to read, and the field that names it; without a field it may be missing."""

    name: str
    field: str = ""


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of labelled rows: those they need, and those of a document and of the split.

    The column of the document may be missing; without one of the split, files state it. Where many
    rows have one text, `passage` is its column: rows that name no document are of one by that text,
    and those whose texts are alike but for case, punctuation and blanks are of the same.
    """

    needed: tuple[Column, ...]
    document: str
    split: Column | None = None
    passage: str = ""

    def document_of(self, values: Mapping[str, Any]) -> str:
        """The document that a row says it is from, or the digest of its passage, or ""."""
        document = values.get(self.document)
        named = "" if document is None else str(document)
        if named or not self.passage:
            return named
        return digest_of(content(str(values.get(self.passage)))).hex()


@dataclass(frozen=True, slots=True)
class Document:
    """A document to pre-train on; `name` is stable, the same wherever the source lies."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Row:
    """A row with a label, as the source has it.

    Attributes:
        split: The split in the source; "" if the source has none.
        document: The document it is from; "" if unknown.
        values: The columns of the row.
        where: Its position for people, such as `train.csv, line 12`.
        origin: Digest of the whole text of that document, as hex; "" if unknown. A corpus leaves
            out copies of the document as well.
    """

    split: Split
    document: str
    values: Mapping[str, Any]
    where: str
    origin: str = ""


FEWEST_TESTED = 2  # documents: an interval needs at least two
