"""JSON with character spans of a text: what of an object is the text, and what the spans.

    {"text": …, "entities": [{"start": 0, "end": 5, "label": "LOC"}]}     also Prodigy's `spans`
    [text, {"entities": [[0, 5, "LOC"]]}]                                 spaCy's
    {"text": …, "label": [[0, 5, "LOC"]]}                                 Doccano's
    {"data": {"text": …}, "annotations": [{"result": [{"value": …}]}]}    Label Studio's

The roles `tokens` and `tags` need not be given: each finds its column here. The spans themselves
are read with the rows (`tasks/problems/token_classification/character_spans.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tasks.data.rows import Column

TOKENS, TAGS = "tokens", "tags"  # the roles
_TEXTS = ("text", "sentence", "content", "document")
_SPANS = ("entities", "spans", "label", "labels", "annotations", "completions")
_STARTS = ("start", "start_offset", "begin", "value", "result")  # a key of a span, or around it


def is_pair(value: Any) -> bool:
    """Whether a value is a text with its annotations, as spaCy writes it."""
    return (
        isinstance(value, list)
        and len(value) == 2
        and isinstance(value[0], str)
        and isinstance(value[1], Mapping)
        and isinstance(value[1].get("entities"), list)
    )


def as_object(value: Any) -> Any:
    """Such a pair as an object; another value as it is."""
    return {**value[1], "text": value[0]} if is_pair(value) else value


def columns_in(values: Mapping[str, Any]) -> tuple[str, str] | None:
    """The columns of the text and of its spans, such as `data.text` and `annotations`; or None."""
    spans = next((name for name in _SPANS if _are_spans(values.get(name))), "")
    around, inner = "", values
    if spans and isinstance(values.get("data"), Mapping):
        around, inner = "data.", values["data"]
    texts = [name for name, value in inner.items() if isinstance(value, str)]
    usual = next((name for name in _TEXTS if name in texts), "")
    text = usual or (texts[0] if around and len(texts) == 1 else "")
    return (f"{around}{text}", spans) if spans and text else None


def located(values: Mapping[str, Any], columns: Sequence[Column]) -> dict[str, Any]:
    """The text and the spans of an object, under the columns of tokens and tags it does not have.

    Prodigy's `tokens` are objects, and no words.
    """
    wanted = {role: column for column in columns if (role := _role(column))}
    missing = [role for role, column in wanted.items() if not _has_words(values, column.name)]
    found = columns_in(values) if missing else None
    if found is None:
        return {}
    text, spans = found
    inner = values["data"] if text.startswith("data.") else values
    own = {TOKENS: inner[text.removeprefix("data.")], TAGS: values[spans]}
    if inner is not values and not own[TAGS]:  # a task of Label Studio that nobody did
        own[TAGS] = [{"result": [], "was_cancelled": True}]
    return {wanted[role].name: own[role] for role in missing}


def _role(column: Column) -> str:
    """The role of a column that an experiment or a command asks for, if it is one of these."""
    role = column.field.rpartition(".")[2]
    if column.field.startswith("--"):
        role = column.name
    return role if role in (TOKENS, TAGS) else ""


def _has_words(values: Mapping[str, Any], name: str) -> bool:
    value = values.get(name)
    objects = isinstance(value, list) and bool(value) and isinstance(value[0], Mapping)
    return name in values and not (objects and name == TOKENS)


def _are_spans(value: Any) -> bool:
    """Whether a value is a list of spans, or of annotations with them; an empty one may be."""
    if not isinstance(value, list):
        return False
    return all(
        any(name in each for name in _STARTS)
        if isinstance(each, Mapping)
        else isinstance(each, list)
        and len(each) == 3
        and isinstance(each[2], str)
        and all(isinstance(number, int) for number in each[:2])
        for each in value
    )
