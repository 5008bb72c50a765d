"""Rows of tokens with BIO tags: their columns, and which rows are valid."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from tasks.contract import StageError
from tasks.data.notices import Notices
from tasks.data.rows import Columns, Example, LabelCounts, Row, columns_of, encodable, kind_of
from tasks.experiment.problem import LabelledData
from tasks.problems.class_labels import require_learnable
from tasks.problems.token_classification.character_spans import are_spans, spans_of, tagged

_LANGUAGE = re.compile(r"[a-z]{2,3}:(?=\S)")  # of every token in some data sets: `en:London`

COLUMNS: Mapping[str, str] = {
    "document": "string",
    "tokens": "list<string>",
    "tags": "list<string>",
}
LABELS = "spans"
SEVERAL_WORDS = (
    "rows with a token of several words: what is served, and predict, read each word on its own"
)

ROLES = ("tokens", "tags", "sentence")
ROLE_WORDS = {
    "sentence": "Column with the number of the sentence, in tables with a word a row; empty: the "
    "one that is called so",
}
OPTIONAL_ROLES = ("sentence",)

# Each mark of IOB1, BIO, BIOES and BILOU, and that of BIO for it.
MARKS = {"B-": "B-", "I-": "I-", "S-": "B-", "U-": "B-", "E-": "I-", "L-": "I-"}
ENDING = ("S-", "U-", "E-", "L-")  # those that end a span


def columns(data: LabelledData) -> Columns:
    """The tokens and the tags, and where there is one the number of the sentence."""
    return columns_of(data, *ROLES)


def parse(row: Row, data: LabelledData, notices: Notices) -> Example | None:
    """Tokens and equally many tags in the BIO scheme; IOB1 and BIOES (BILOU) are converted.

    A text with a list of character spans becomes its words and their tags; None where no annotator
    did it.
    """
    text, spans = row.values[data.columns.tokens], row.values[data.columns.tags]
    if isinstance(text, str) and text.strip() and spans is None:
        raise StageError(
            f"{row.where}: column {data.columns.tags!r} has nothing beside a text; accepted: a "
            "list of spans, [] for a text without entities"
        )
    if isinstance(text, str) and text.strip() and are_spans(spans):
        if (own := spans_of(spans, row.where, notices)) is None:
            return None
        words, found = tagged(encodable(text, row.where), own, row.where, notices)
        return {"tokens": words, "tags": found}
    tokens = _strings(row, data.columns.tokens)
    tags = _strings(row, data.columns.tags)
    if len(tokens) != len(tags):
        raise StageError(
            f"{row.where}: {len(tokens)} tokens and {len(tags)} tags; each token needs one tag"
        )
    if apart := [token for token in tokens if " " in token]:
        notices.add(SEVERAL_WORDS, f"{row.where}: {apart[0]!r}")
    language = _LANGUAGE.match(tokens[0])
    if language and len(tokens) > 1 and all(token.startswith(language[0]) for token in tokens):
        notices.add(
            "rows whose tokens all begin with a language and a colon, which are read as text: "
            "remove them",
            f"{row.where}: {tokens[0]} {tokens[1]}",
        )
    read: list[str] = []
    before = "O"  # as written
    for number, (token, tag) in enumerate(zip(tokens, tags, strict=True), 1):
        where = f"{row.where}, token {number} ({token!r})"
        as_bio = _as_bio(before, tag, where, notices)
        read.append(as_bio)
        before = tag
    return {"tokens": tokens, "tags": read}


def _as_bio(before: str, tag: str, where: str, notices: Notices) -> str:
    """A tag in the BIO scheme, after another one as it was written.

    Raises:
        StageError: it is no tag, or continues a span of another type.
    """
    mark, name = tag[:2], tag[2:]
    if tag == "O":
        return tag
    if mark not in MARKS or not name.strip():
        raise StageError(
            f"{where}: tag {tag!r} is not a BIO tag; accepted: O, B-TYPE at the start of a span, "
            "I-TYPE inside (or the schemes IOB1, BIOES and BILOU)"
        )
    begins = MARKS[mark] == "B-"
    if mark in ENDING:
        notices.add("tags of the scheme BIOES or BILOU, read as BIO", f"{where}: {tag}")
    # A span is over after its last tag, and where the type changes.
    inside = before[:2] in {"B-", "I-"} and before[2:] == name
    if not begins and not inside:
        if mark != "I-":
            raise StageError(
                f"{where}: tag {tag!r} ends no span: B-{name} must begin it, but the tag before is "
                f"{before!r}"
            )
        notices.add("tags I-TYPE that begin a span, as in IOB1, read as B-TYPE", f"{where}: {tag}")
        begins = True
    return f"{'B' if begins else 'I'}-{name}"


def passage(example: Example) -> str:
    """The tokens in one line."""
    return " ".join(example["tokens"])


def answer(example: Example) -> str:
    """The tags in one line."""
    return " ".join(example["tags"])


def counted(example: Example) -> Iterable[str]:
    """The type of every span."""
    return (tag[2:] for tag in example["tags"] if tag.startswith("B-"))


def labels(data: LabelledData, counts: LabelCounts, rows: int) -> list[str]:
    """The tags: O, then B and I of each type."""
    tags = ["O", *(f"{mark}-{name}" for name in sorted(counts["train"]) for mark in "BI")]
    part = f"downstream.{data.name}"
    field = columns(data).needed[1].field
    return require_learnable(tags, counts, rows, part=part, field=field)


def shown(example: Example) -> tuple[str, str]:
    """The types of the spans, and the sentence with each span as [words](type)."""
    words: list[str] = []
    for token, tag in zip(example["tokens"], example["tags"], strict=True):
        if tag.startswith("I-"):
            span, _, name = words[-1].rpartition("](")
            words[-1] = f"{span} {token}]({name}"
        else:
            words.append(token if tag == "O" else f"[{token}]({tag[2:]})")
    return ", ".join(sorted(set(counted(example)))), " ".join(words)


def _strings(row: Row, column: str) -> list[str]:
    values = row.values[column]
    must = f"{row.where}: column {column!r} must be a list of words, found"
    if isinstance(values, str):
        raise StageError(
            f"{must} {kind_of(values)}; .conll, .jsonl and .parquet files can contain lists"
        )
    if not isinstance(values, list) or not values:
        raise StageError(f"{must} {kind_of(values)}")
    for number, value in enumerate(values, 1):
        if not isinstance(value, str) or not value:
            hint = "" if isinstance(value, str) or value is None else "; write words, not numbers"
            raise StageError(f"{must} {kind_of(value)} at place {number}{hint}")
    return [encodable(value, row.where) for value in values]
