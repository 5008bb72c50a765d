"""The name of a run begins with what changed since the run before it."""

from __future__ import annotations

from tasks.machinery.tracking.distinguishing import (
    changed_data,
    changed_values,
    without_new_data,
)
from tasks.machinery.tracking.tags import STAGE_OF, UsedStage

BEFORE = {"seed": "0", "downstream.mood.epochs": "3", "pretraining.steps": "12"}


def test_values_are_named_as_a_person_sets_them() -> None:
    now = {"seed": 1, "downstream.mood.epochs": 5, "pretraining.steps": 40}
    assert changed_values(BEFORE, now) == "mood.epochs=5, seed=1"  # the steps are in every name


def test_nothing_is_said_of_the_same_values() -> None:
    assert changed_values(BEFORE, BEFORE | {"pretraining.log_every": 7}) == ""


def test_a_problem_that_is_new_or_gone_is_named_once() -> None:
    names = {"downstream.names.epochs": "3", "downstream.names.source": "x"}
    assert changed_values(BEFORE, BEFORE | names) == "with names"
    assert changed_values(BEFORE | names, BEFORE) == "without names"


def test_a_value_that_is_left_out_has_its_default() -> None:
    assert changed_values(BEFORE | {"model.bias": "x"}, BEFORE) == "model.bias=default"


def test_a_long_value_keeps_its_end_and_many_are_cut() -> None:
    assert changed_values({}, {"source": "a/" * 40 + "b"}) == f"source=…{('a/' * 40 + 'b')[-39:]}"
    many = {name: name for name in "abcde"}
    assert changed_values({}, many) == "a=a, b=b, c=c, …"


def test_data_that_changed_are_named() -> None:
    one, two = (str(UsedStage("completed", "r", "s/1", digest)) for digest in ("1", "2"))
    before = {f"{STAGE_OF}{title}": one for title in ("dataset mood", "corpus", "pretraining")}
    now = dict.fromkeys(before, two) | {f"{STAGE_OF}dataset names": two}
    assert changed_data(before, now) == "new data: corpus, mood"
    assert changed_data(before, before) == ""
    assert without_new_data("new data: mood · tiny · 12 steps") == "tiny · 12 steps"
    assert without_new_data("tiny · 12 steps") == "tiny · 12 steps"
