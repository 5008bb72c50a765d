"""Character spans of a text become the tags of its words; what does not fit is counted."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

import pytest

from tasks.contract import StageError
from tasks.data.notices import Notices
from tasks.data.rows import Row
from tasks.experiment.problem import LabelledData
from tasks.problems import shape_of
from tasks.problems.token_classification import character_spans as spans
from tasks.problems.token_classification.words import places_of_words, words_in

TEXT = 'Otto of "New York", Ohio.'


def read(text: str, *given: Any) -> tuple[list[str], list[str], Notices]:
    notices = Notices()
    where = "a.json, item 1"
    words, tags = spans.tagged(text, spans.spans_of(given, where, notices) or (), where, notices)
    return words, tags, notices


def test_words_are_between_blanks_and_characters_of_scripts_without_them() -> None:
    assert words_in(" J.K. said:\n yes\u00a0no ") == ["J.K.", "said:", "yes", "no"]
    assert words_in("GDP是北京。 한국어 ok") == ["GDP", "是", "北", "京", "。", "한국어", "ok"]
    assert words_in("นำ้") == ["น", "ำ้"]


def test_words_are_the_text_without_its_blanks_whatever_the_script() -> None:
    draw = random.Random(3)
    alphabet = "ab .,'\n\u00a0\u3000é\u0301京の้ำက\u103aខ្😀"
    for _ in range(300):
        text = "".join(draw.choices(alphabet, k=draw.randrange(20)))
        places = places_of_words(text)
        assert "".join(words_in(text)) == "".join(text.split())
        assert all(a[1] <= b[0] for a, b in pairwise(places))


def test_any_spans_of_whole_words_are_given_back_by_the_tags() -> None:
    draw = random.Random(4)
    for _ in range(200):
        text = " ".join(draw.choices(["a", "bc", "def", "京", "g."], k=draw.randrange(1, 12)))
        places, given, at = places_of_words(text), [], 0
        while at < len(places):
            stop = min(at + draw.randrange(1, 4), len(places))
            if draw.random() < 0.5:
                given.append((places[at][0], places[stop - 1][1], draw.choice("XY")))
            at = stop
        _, tags, notices = read(text, *map(list, given))
        found, begin = [], 0
        for n, tag in enumerate([*tags, "O"]):
            if tag[:1] != "I" and begin < n and tags[begin] != "O":
                found.append((places[begin][0], places[n - 1][1], tags[begin][2:]))
            begin = begin if tag[:1] == "I" else n
        assert found == given
        assert not notices.counts


@pytest.mark.parametrize(
    "span",
    [
        {"start": 0, "end": 4, "label": "PER"},
        {"start_offset": 0, "end_offset": 4, "label": "PER", "id": 7},
        {"start": 0, "end": 4, "text": "Otto", "labels": ["PER"]},
        {"start": 0, "end": 4, "type": " PER "},
        [0, 4, "PER"],
        {"result": [{"value": {"start": 0, "end": 4, "text": "Otto", "labels": ["PER"]}}]},
    ],
)
def test_a_span_is_read_as_each_tool_writes_it(span: Any) -> None:
    assert read(TEXT, span)[:2] == (TEXT.split(), ["B-PER", "O", "O", "O", "O"])


COUNTED = {
    spans.PUNCTUATION: [[9, 17, "LOC"]],
    spans.INSIDE: [[10, 17, "LOC"]],
    spans.OVERLAPPING: [[8, 24, "LOC"], [20, 24, "LOC"]],
    spans.ONE_WORD: [[0, 3, "PER"], [3, 4, "PER"]],
    spans.TWICE: [[0, 4, "PER"], [0, 4, "PER"]],
    spans.BLANK: [[4, 5, "PER"]],
    spans.SEVERAL: [{"start": 0, "end": 4, "labels": ["PER", "LOC"]}],
    spans.FURTHER: [{"was_cancelled": True, "result": []}, {"result": []}],
    spans.NOBODY: [{"was_cancelled": True, "result": [{"value": {"start": 0, "end": 4}}]}],
    spans.LIKE_TAGS: [[0, 4, "B-PER"]],
    spans.OTHERS: [{"result": [{"type": "choices", "value": {"choices": ["good"]}}]}],
}


@pytest.mark.parametrize("what", COUNTED)
def test_what_does_not_fit_the_words_is_counted_with_an_example(what: str) -> None:
    notices = read(TEXT, *COUNTED[what])[2]
    assert notices.counts[what] == 1
    assert "a.json, item 1" in notices.examples[what]


def test_a_text_without_a_list_of_spans_is_an_error_that_says_so() -> None:
    data = LabelledData(problem="token-classification")
    row = Row("", "", {"tokens": "Otto of Ohio", "tags": None}, "a.json, item 1")
    with pytest.raises(StageError, match="column 'tags' has nothing beside a text; accepted: a l"):
        shape_of("token-classification").parse(row, data, Notices())


def test_of_spans_that_overlap_the_longest_counts_and_whole_words_are_taken() -> None:
    _, tags, notices = read(TEXT, [8, 12, "A"], [8, 25, "B"], [0, 3, "C"])
    assert tags == ["B-C", "O", "B-B", "I-B", "I-B"]
    assert notices.examples[spans.INSIDE] == "a.json, item 1: 'Ott' (C) of 'Otto'"


@pytest.mark.parametrize(
    ("span", "said"),
    [
        ([0, 99, "PER"], "span 1: found characters 0 to 99, but the text has 25"),
        ([4, 4, "PER"], "found characters 4 to 4"),
        ([-1, 4, "PER"], "found characters -1 to 4"),
        (["0", "4", "PER"], "accepted: {"),
        ({"start": 0, "end": 4}, "the label must be a text, found None"),
        ([0, 4, " "], "the label must be a text"),
        ({"start": 0, "end": 4, "text": "of", "labels": ["A"]}, "its text is 'of', but characters"),
        ({"start": "/p[1]", "end": "/p[1]", "labels": ["A"]}, "in characters from 0"),
    ],
)
def test_a_span_that_is_none_or_outside_of_the_text_is_an_error(span: Any, said: str) -> None:
    with pytest.raises(StageError, match=r"a\.json, item 1, span 1: ") as error:
        read(TEXT, span)
    assert said in str(error.value)
