"""Runs that differ by the seed alone."""

from __future__ import annotations

import pytest

from tasks.comparison.past_run import PastRun
from tasks.comparison.settings import Spread, settings_of, spread
from tasks.machinery.tracking.tags import UsedStage


def run(seed: str, *, digest: str = "d", **params: str) -> PastRun:
    stages = {"dataset mood": digest, "tokens": seed}
    tags = {
        f"temper.stage.{title}": str(UsedStage("completed", "r", "s/1", value))
        for title, value in stages.items()
    }
    given = {"seed": seed, **params}
    return PastRun("r", "r", "e", "FINISHED", 0.0, params=given, tags=tags)


def test_runs_of_several_seeds_are_one_setting() -> None:
    assert settings_of([run("0"), run("1"), run("2")]) == [[0, 1, 2]]


def test_another_parameter_or_other_data_is_another_setting() -> None:
    runs = [run("0"), run("0", rate="1"), run("1", digest="x"), run("1"), run("1", rate="1")]
    assert settings_of(runs) == [[0, 3], [1, 4], [2]]


def test_a_run_that_was_repeated_is_no_second_seed() -> None:
    assert settings_of([run("0"), run("0"), run("1")]) == [[0, 2], [1]]


def test_the_spread_is_that_of_a_sample() -> None:
    assert spread([0.5, 0.7]) == Spread(0.6, pytest.approx(0.02**0.5), 0.5, 0.7, 2)
    assert spread([0.5]) == Spread(0.5, 0.0, 0.5, 0.5, 1)
    assert spread([]) is None
