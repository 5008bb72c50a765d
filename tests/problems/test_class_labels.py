"""Labels as exports of tables have them."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tasks.contract import StageError
from tasks.data.notices import Notices
from tasks.data.rows import Row
from tasks.experiment.problem import LabelledData
from tasks.problems.class_labels import MISSPELT, note_labels_alike, read_label, require_learnable


def read(label: Any, notices: Notices | None = None, **fields: Any) -> str | None:
    data = LabelledData(name="x", **fields)
    row = Row("", "", {"text": "a", "label": label}, "t.csv, line 2")
    return read_label(row, data, notices or Notices())


@pytest.mark.parametrize(
    ("written", "label"),
    [
        (1.0, "1"),
        (7, "7"),
        (True, "True"),
        (" pos ", "pos"),
        ("e\u0301", "é"),
        ("po\u200bs", "pos"),
    ],
)
def test_a_label_is_normalized(written: Any, label: str) -> None:
    assert read(written) == label


def test_invisible_characters_and_other_unicode_forms_are_counted() -> None:
    notices = Notices()
    for written in ("po\u200bs", "\ufeffpos", "pos"):
        read(written, notices)
    [(what, count)] = notices.counts.items()
    assert ("invisible" in what, count) == (True, 2)
    assert "po\\u200bs is pos" in notices.examples[what]


@pytest.mark.parametrize("written", ["nan", "None", "NULL", "N/A", "", None, math.nan, "\u200b"])
def test_a_missing_label_is_asked_about(written: Any) -> None:
    with pytest.raises(StageError, match=r"t.csv, line 2.*downstream.x.missing_labels: drop"):
        read(written)
    notices = Notices()
    assert read(written, notices, missing_labels="drop") is None
    assert notices.counts["left out: rows whose label is missing"] == 1


def test_a_word_for_a_missing_value_can_be_a_class_but_nothing_cannot() -> None:
    assert read("None", missing_labels="keep") == "None"
    with pytest.raises(StageError, match="contains nothing"):
        read("", missing_labels="keep")


@pytest.mark.parametrize(
    ("written", "said"),
    [(0.5, "the fraction 0.5"), (["a", "b"], "a list; a row has one label"), ({}, "a dict")],
)
def test_what_is_no_label_is_named(written: Any, said: str) -> None:
    with pytest.raises(StageError, match=said):
        read(written)


def test_labels_that_look_alike_are_counted_and_stay() -> None:
    notices = Notices()
    note_labels_alike({"train": {"pos": 3, "Pos": 1, "neg": 2}, "test": {"pos.": 1}}, notices)
    assert list(notices.counts.values()) == [1]
    assert next(iter(notices.examples.values())) == "'Pos' (1), 'pos' (3), 'pos.' (1)"


def test_scores_are_no_classes() -> None:
    scores = [f"{n / 8:.3f}" for n in range(41)]
    counts = {split: dict.fromkeys(scores, 1) for split in ("train", "validation", "test")}
    with pytest.raises(StageError, match=r"41 different numbers, such as 0.125: scores"):
        require_learnable(scores, counts, 41, part="downstream.x", field="columns.label")
    years = [str(n) for n in range(1900, 1950)]
    counts = {split: dict.fromkeys(years, 1) for split in ("train", "validation", "test")}
    assert require_learnable(years, counts, 50, part="downstream.x", field="f") == years


def test_a_rare_label_that_is_spelt_nearly_like_a_frequent_one_is_noted() -> None:
    notices = Notices()
    counts = {"shipping": 80, "shiping": 1, "billing": 60, "class-1": 50, "class-2": 1, "fire": 2}
    note_labels_alike({"train": counts}, notices)
    assert notices.counts == {MISSPELT: 1}
    assert notices.examples[MISSPELT] == "'shiping' (1) and 'shipping' (80)"
    notices = Notices()
    many = {f"shippin{chr(97 + n)}{chr(97 + m)}": 1 for n in range(3) for m in range(20)}
    note_labels_alike({"train": {"shipping": 80} | many}, notices)
    assert not notices.counts
