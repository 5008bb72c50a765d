"""A registered model: what is decided is kept, what a kill left half-done is done."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from tasks.contract import StageError
from tasks.experiment.retraining import Rule
from tasks.machinery.tracking.decisions import (
    Recorded,
    before,
    champions,
    taken_down,
    why_it_lost,
    why_nothing_new,
)
from tasks.machinery.tracking.registry import Registry
from tasks.machinery.tracking.tags import MOVING

RULE = Rule().model_dump()


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> MlflowClient:
    """An MLflow with nothing in it; making its tables takes seconds."""
    return MlflowClient(f"sqlite:///{tmp_path_factory.mktemp('mlflow') / 'mlflow.db'}")


@pytest.fixture
def registry(client: MlflowClient, home: Path) -> Iterator[Registry]:
    """A registered model with three versions, none of them the champion."""
    client.create_registered_model("moods")
    for number in range(3):
        client.create_model_version("moods", str(home / f"model-{number}"))
    yield Registry(client, "moods")
    client.delete_registered_model("moods")


def decision(number: int, version: str, outcome: str, **values: Any) -> Recorded:
    when = datetime(2026, 11, number, tzinfo=UTC)
    given = {"by": "ada@laptop", "when": when, **values}
    return Recorded(number=number, version=version, outcome=outcome, **given)


def story() -> list[Recorded]:
    """1 first, 2 promoted, 3 kept, rolled back from 2 to 1."""
    judged = {"rule": RULE, "gain": [0.1, 0.05, 0.15], "metric": "accuracy", "test_data": "t"}
    judged["gain_text"] = "+10.0 [+5.0, +15.0] points"
    return [
        decision(1, "1", "first", champion="1", **judged),
        decision(2, "2", "promoted", champion_before="1", champion="2", previous="1", **judged),
        decision(3, "3", "kept", champion_before="2", champion="2", previous="1", **judged),
        decision(4, "1", "rolled back", champion_before="2", champion="1"),
    ]


def test_decisions_come_back_in_their_order_and_move_the_aliases(registry: Registry) -> None:
    for each in story():
        registry.record(each)
    assert registry.decisions() == story()
    assert registry.aliases() == {"champion": "1"}
    tags = registry.version("2").tags
    assert tags["temper.outcome"] == "promoted"
    assert tags["temper.gain"] == "+10.0 [+5.0, +15.0] points of accuracy"
    assert tags["temper.by"] == "ada@laptop"
    assert registry.version("3").tags["temper.outcome"] == "kept champion"


@pytest.mark.parametrize("calls", range(12))
def test_a_decision_that_a_kill_cut_off_anywhere_is_whole_or_not_there(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    first, second = story()[:2]
    registry.record(first)
    left = iter(range(calls))

    def cut_off(name: str) -> None:
        call = getattr(registry.client, name)

        def counted(*words: object) -> object:
            if next(left, None) is None:
                raise KeyboardInterrupt
            return call(*words)

        monkeypatch.setattr(registry.client, name, counted)

    for name in (
        "set_registered_model_tag",
        "set_model_version_tag",
        "set_registered_model_alias",
        "delete_registered_model_tag",
    ):
        cut_off(name)
    with contextlib.suppress(KeyboardInterrupt):
        registry.record(second)
    monkeypatch.undo()
    with registry.alone():
        done = registry.decisions() == [first, second]
        assert done == (calls > 0)
        assert registry.champion() == ("2" if done else "1")
        assert registry.version("2").tags.get("temper.outcome") == ("promoted" if done else None)


def test_the_next_number_is_no_decisions_that_is_there(registry: Registry) -> None:
    for each in story()[:3]:
        registry.record(each)
    registry.client.delete_model_version("moods", "1")
    assert [each.number for each in registry.decisions()] == [2, 3]
    assert registry.next_number() == 4


def test_aliases_that_a_kill_left_behind_are_moved_by_whoever_looks_next(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = story()[:2]
    registry.record(first)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(registry.client, "set_registered_model_alias", killed)
    with pytest.raises(KeyboardInterrupt):
        registry.record(second)
    monkeypatch.undo()
    assert registry.champion() == "1"
    with registry.alone():
        assert registry.aliases() == {"champion": "2", "previous": "1"}
    assert MOVING not in registry.client.get_registered_model("moods").tags
    assert registry.decisions() == [first, second]


def test_an_alias_that_a_person_moves_in_mlflow_stays(registry: Registry) -> None:
    registry.record(story()[0])
    registry.client.set_registered_model_alias("moods", "champion", "3")
    registry.client.set_registered_model_alias("moods", "mine", "2")
    with registry.alone():
        assert registry.aliases() == {"champion": "3", "mine": "2"}


def test_what_is_not_there_is_said_with_what_is(registry: Registry) -> None:
    with pytest.raises(StageError, match=r"no version '7'\. Accepted: 1, 2, 3"):
        registry.version("7")
    with pytest.raises(StageError, match=r"'mods'; did you mean moods\. Registered: moods"):
        Registry(registry.client, "mods").require()
    with pytest.raises(
        StageError, match="'a:b' is not a valid name of a registered model; accepted"
    ):
        Registry(registry.client, "a:b").require()


def test_one_rolls_back_through_the_champions_that_were() -> None:
    decisions = story()[:3]
    assert champions(decisions) == ["1", "2"]
    assert before("2", decisions) == "1"
    assert before("1", decisions) == ""
    assert champions(story()) == ["1"]
    back = decision(5, "2", "by hand", champion_before="1", champion="2", previous="1")
    assert champions([*story(), back]) == ["1", "2"]


def test_who_was_taken_down_by_hand_stays_down_until_a_person_puts_it_back() -> None:
    assert not taken_down("2", story()[:3])
    assert taken_down("2", story())
    assert not taken_down("1", story())
    back = decision(5, "2", "by hand", champion_before="1", champion="2")
    assert not taken_down("2", [*story(), back])
    assert taken_down("1", [*story(), back])


def test_what_speaks_against_a_version_is_why_it_lost_when_it_was_last_judged() -> None:
    first, second, third, back = story()
    third = third.model_copy(update={"reasons": ["worse: -3 points", "class glad is worse"]})
    told = [first, second, third, back]
    assert why_it_lost("3", told) == [
        "version 3 lost to version 2 on 03 November 2026: worse: -3 points; class glad is worse"
    ]
    assert why_it_lost("2", told) == why_it_lost("1", told) == why_it_lost("7", told) == []
    by_hand = decision(5, "3", "by hand", reasons=[*why_it_lost("3", told), "by hand: version 3"])
    assert by_hand.brief == "version 3 lost to version 2 on 03 November 2026"
    assert decision(6, "1", "rolled back", reasons=["by hand: version 1"]).brief == ""


def test_nothing_is_new_where_the_same_was_decided_before() -> None:
    decisions = story()[:3]
    lost = why_nothing_new("3", decisions, "2", RULE, "t")
    assert lost == "the experiment produces version 3: kept champion on 03 November 2026"
    assert why_nothing_new("3", decisions, "2", RULE, None) == lost
    assert "the champion" in why_nothing_new("2", decisions, "2", RULE, "t")
    assert "demoted by hand" in why_nothing_new("2", story(), "1", RULE, "t")


def test_a_loser_is_judged_again_where_the_test_the_rule_or_the_champion_changed() -> None:
    decisions, lax = story()[:3], Rule(worst_class_loss=1).model_dump()
    assert not why_nothing_new("3", decisions, "2", RULE, "other")
    assert not why_nothing_new("3", decisions, "2", lax, "t")
    assert not why_nothing_new("3", story(), "1", RULE, "t")
    assert not why_nothing_new("4", decisions, "2", RULE, "t")
