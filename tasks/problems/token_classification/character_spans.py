"""Entities as character spans of a text: from the layouts of annotation tools to words and tags.

A span is read from

    {"start": 0, "end": 5, "label": "LOC"}      also `start_offset`, `end_offset`, `type`
    [0, 5, "LOC"]                               as spaCy and Doccano write it
    {"value": {"start": 0, "end": 5, "labels": ["LOC"]}}    a result of Label Studio, of which
                                                            `annotations` has lists

Characters count from 0, and `end` is the first one behind the span. Words are what is between
blanks (`words.py`), as where a model answers a text. Where spans overlap, the longest one counts
(and of equally long ones the first), as in spaCy's `filter_spans`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tasks.contract import StageError
from tasks.data.notices import Notices
from tasks.problems.token_classification.words import places_of_words

_STARTS, _ENDS = ("start", "start_offset", "begin"), ("end", "end_offset", "stop")
_LABELS = ("label", "labels", "type", "tag", "entity", "class", "category")
_TAG = re.compile(r"[BI]-[A-Z_]+")
_ACCEPTED = (
    'accepted: {"start": 0, "end": 5, "label": "LOC"} or [0, 5, "LOC"], in characters from 0, with '
    "the end behind the last one"
)

INSIDE = "spans that begin or end inside a word: the whole word is taken"
PUNCTUATION = "spans without the punctuation marks at their words: the whole words are taken"
OVERLAPPING = "spans that overlap a longer one: left out"
ONE_WORD = "spans that share a word with a longer one: left out"
TWICE = "spans that are given twice: one is taken"
BLANK = "spans of blanks alone: left out"
FURTHER = "texts with several annotations: the first one that is not cancelled is taken"
LIKE_TAGS = "spans whose label is like a tag: taken for the type, each span for an entity"
NOBODY = "texts without an annotation, or with cancelled ones alone: left out"
OTHERS = "results of annotators that are no spans, such as choices and relations: left out"
SEVERAL = "spans with several labels: the first is taken"


@dataclass(frozen=True, slots=True)
class Span:
    """An entity: its first and its last-plus-one character, and its type."""

    start: int
    end: int
    label: str


def are_spans(value: Any) -> bool:
    """Whether a value is a list of spans, or of annotations with them; it may be empty."""
    return isinstance(value, list) and all(isinstance(each, Mapping | list) for each in value)


def spans_of(given: Sequence[Any], where: str, notices: Notices) -> Sequence[Any] | None:
    """The spans of one annotator, where those of each are in a list of results (Label Studio).

    None where all have cancelled, or where there is none, which a source says by an empty result.
    """
    every = [each for each in given if isinstance(each, Mapping) and "result" in each]
    if not every:
        return given
    valid = [each for each in every if not each.get("was_cancelled")]
    if not valid:
        notices.add(NOBODY, where)
        return None
    if len(every) > 1:
        notices.add(FURTHER, where)
    results = valid[0]["result"]
    spans = [each for each in results if isinstance(each, Mapping) and _is_span(each.get("value"))]
    if len(results) > len(spans):
        notices.add(OTHERS, where, len(results) - len(spans))
    return spans


def tagged(
    text: str, given: Sequence[Any], where: str, notices: Notices
) -> tuple[list[str], list[str]]:
    """The words of a text, and the BIO tag of each.

    Args:
        text: the text.
        given: its spans.
        where: the place of the row, for messages.
        notices: receives what is left out or widened.

    Raises:
        StageError: a span is none, or outside of the text.
    """
    words = places_of_words(text)
    tags = ["O"] * len(words)
    taken: list[Span] = []
    spans = list(_spans(text, given, where, notices))
    for span in sorted(spans, key=lambda each: (each.start - each.end, each.start)):
        shown = f"{where}: {text[span.start : span.end]!r} ({span.label})"
        if span in taken:
            notices.add(TWICE, shown)
            continue
        inside = [
            n for n, (start, end) in enumerate(words) if start < span.end and end > span.start
        ]
        if not inside:
            notices.add(BLANK, shown)
        elif any(tags[n] != "O" for n in inside):
            crossed = any(each.start < span.end and span.start < each.end for each in taken)
            notices.add(OVERLAPPING if crossed else ONE_WORD, shown)
        else:
            begin, end = words[inside[0]][0], words[inside[-1]][1]
            rest = text[begin : span.start] + text[span.end : end]
            if rest := rest.strip():
                marks = all(unicodedata.category(each)[0] == "P" for each in rest)
                what = PUNCTUATION if marks else INSIDE
                notices.add(what, f"{shown} of {text[begin:end]!r}")
            taken.append(span)
            for n in inside:
                tags[n] = f"{'B' if n == inside[0] else 'I'}-{span.label}"
    return [text[start:end] for start, end in words], tags


def _spans(text: str, given: Sequence[Any], where: str, notices: Notices) -> Iterator[Span]:
    """The spans, checked.

    Raises:
        StageError: one is none, or outside of the text, or is said to have another text.
    """
    for number, each in enumerate(given, 1):
        here = f"{where}, span {number}"
        values = each.get("value", each) if isinstance(each, Mapping) else each
        start, end, label = _parts(values, here, notices)
        if not 0 <= start < end <= len(text):
            raise StageError(
                f"{here}: found characters {start} to {end}, but the text has {len(text)}; "
                f"{_ACCEPTED}"
            )
        own = values.get("text") if isinstance(values, Mapping) else None
        if isinstance(own, str) and own.split() != text[start:end].split():
            raise StageError(
                f"{here}: its text is {own!r:.60}, but characters {start} to {end} are "
                f"{text[start:end]!r:.60}; {_ACCEPTED}"
            )
        yield Span(start, end, label)


def _is_span(value: Any) -> bool:
    return isinstance(value, Mapping) and any(name in value for name in _STARTS)


def _parts(values: Any, where: str, notices: Notices) -> tuple[int, int, str]:
    """First and last-plus-one character and label of a span.

    Raises:
        StageError: it lacks one, or has another type.
    """
    found: list[Any] = []
    if isinstance(values, Mapping):
        for names in (_STARTS, _ENDS, _LABELS):
            found += [next((values[name] for name in names if name in values), None)]
    elif isinstance(values, list) and len(values) == 3:
        found = [*values]
    if len(found) != 3 or any(type(each) is not int for each in found[:2]):
        raise StageError(f"{where}: found {values!r:.80}; {_ACCEPTED}")
    start, end, label = found
    if isinstance(label, list):
        if len(label) > 1:
            notices.add(SEVERAL, f"{where}: {', '.join(map(str, label))}")
        label = label[0] if label else None
    if not isinstance(label, str) or not label.strip():
        raise StageError(f"{where}: the label must be a text, found {label!r:.60}; {_ACCEPTED}")
    label = label.strip()
    if label == "O" or _TAG.fullmatch(label):
        notices.add(LIKE_TAGS, f"{where}: {label}")
    return start, end, label
