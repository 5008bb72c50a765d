"""A plan says what would run and why, and computes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.machinery.execution.planner import Planner, shortened
from tasks.machinery.host.home import store_folder
from tasks.machinery.store.store import Store
from tests.machinery.execution.test_runner import run_flow, sum_of_doubles

pytestmark = pytest.mark.usefixtures("home", "prefect")


def planned(**options) -> Planner:
    planner = Planner(Store(store_folder()))
    sum_of_doubles(planner, **options)
    return planner


def test_a_plan_of_nothing_known_runs_everything_and_writes_nothing(home: Path) -> None:
    planner = planned()
    assert [step.state for step in planner.steps] == ["run"] * 3
    assert planner.steps[0].reasons == ["not in the store"]
    assert not store_folder().exists()


def test_a_plan_after_a_run_is_all_cached() -> None:
    run_flow(sum_of_doubles)
    assert [step.state for step in planned().steps] == ["cached"] * 3


def test_a_plan_names_the_value_that_differs_and_what_waits_for_it() -> None:
    run_flow(sum_of_doubles)
    steps = planned(right=7).steps
    assert [step.state for step in steps] == ["cached", "run", "run"]
    assert steps[1].reasons == ["number: 2 → 7"]
    assert steps[2].reasons == ["reads double second (cached if its bytes stay the same)"]


def test_a_plan_foretells_exactly_the_fingerprints_of_the_run() -> None:
    runner, _ = run_flow(sum_of_doubles)
    foretold = [step.fingerprint for step in planned().steps]
    assert foretold == [outcome.artifact.fingerprint for outcome in runner.outcomes]


def test_a_plan_notices_damage() -> None:
    _, result = run_flow(sum_of_doubles)
    (result.path / "number.txt").unlink()
    assert planned().steps[-1].reasons == ["number.txt is missing"]


def test_many_reasons_are_counted() -> None:
    assert shortened([str(n) for n in range(20)])[-1] == "and 8 more"
