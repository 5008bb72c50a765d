"""A plan says what would run and why, and computes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tasks.machinery.execution.planner import (
    Planner,
    _comparable,
    differences,
    scaled,
    shortened,
)
from tasks.machinery.host.home import store_folder
from tasks.machinery.store import store
from tasks.machinery.store.artifact import Artifact, read_manifest
from tasks.machinery.store.call import key_of
from tasks.machinery.store.store import Store
from tests.machinery.execution.test_runner import run_flow, sum_of_doubles
from tests.support.many_artifacts import write_many
from tests.support.toy_stages import ADD, DOUBLE, PARITY

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


def test_a_plan_of_another_experiment_names_no_difference_but_a_time() -> None:
    run_flow(sum_of_doubles)
    planner = Planner(Store(store_folder()))
    one, other = (planner(PARITY, label, number=1) for label in ("one", "other"))
    planner(ADD, left=one / "number.txt", right=other / "number.txt")
    assert planner.steps[-1].reasons == ["not in the store"]
    assert planner.steps[-1].seconds is not None


def test_a_plan_foretells_exactly_the_fingerprints_of_the_run() -> None:
    runner, _ = run_flow(sum_of_doubles)
    foretold = [step.fingerprint for step in planned().steps]
    assert foretold == [outcome.artifact.fingerprint for outcome in runner.outcomes]


def test_a_plan_notices_damage() -> None:
    _, result = run_flow(sum_of_doubles)
    (result.path / "number.txt").unlink()
    assert planned().steps[-1].reasons == ["number.txt is missing"]


def test_the_reason_is_found_among_many_artifacts_by_reading_some(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key = key_of(DOUBLE, {"number": -1})
    write_many(store_folder(), key, "number", 1_000)
    read: list[Path] = []

    def counted(folder: Path) -> Artifact | None:
        read.append(folder)
        return read_manifest(folder)

    monkeypatch.setattr(store, "read_manifest", counted)
    planner = Planner(Store(store_folder()))
    for number in (-1, -2):
        planner(DOUBLE, str(number), number=number)
    assert planner.steps[1].reasons[0].startswith("number: ")
    missed = 2  # the two artifacts that are asked for, and are not there
    assert len(read) <= 200 + missed, "those of a stage are read once, and only the newest"


def test_many_reasons_are_counted() -> None:
    assert shortened([str(n) for n in range(20)])[-1] == "and 8 more"


BERT = {"pretraining.steps": 100, "pretraining.batch_size": 8, "model.hidden_size": 64}


@pytest.mark.parametrize(
    "changed, factor",
    [
        ({}, 1),
        ({"pretraining.steps": 300}, 3),
        ({"pretraining.steps": 50, "pretraining.batch_size": 32}, 2),
        ({"model.hidden_size": 128}, 4),
        ({"pretraining.minutes": 0.5}, 0.3),
    ],
)
def test_an_earlier_time_is_scaled_by_steps_and_size(
    changed: dict[str, float], factor: float
) -> None:
    assert scaled(100.0, BERT, BERT | changed) == pytest.approx(100 * factor)


def test_the_batch_of_a_fine_tuning_changes_no_time_and_its_epochs_do() -> None:
    old = {"training.epochs": 2, "training.batch_size": 16}
    assert scaled(10.0, old, {"training.epochs": 4, "training.batch_size": 32}) == 20.0


def key(**identity: str) -> dict[str, Any]:
    part = {f"source.identity.{name}": value for name, value in identity.items()}
    return {"stage": "corpus", "part": part, "inputs": {}, "code": {}, "libraries": {}}


def test_data_are_not_held_against_those_of_other_files() -> None:
    assert _comparable(key(a="1", documents="file"), key(a="2", documents="file"))
    assert _comparable(key(a="1"), key(b="1")), "it was renamed"
    assert not _comparable(key(a="1", documents="file"), key(b="2", documents="file"))
    assert _comparable(key(), key())


def test_a_changed_input_is_named_with_the_stage_that_wrote_it() -> None:
    old, new = ({**key(), "inputs": {"held_out.0": digest}} for digest in ("a", "b"))
    [line] = differences(old, new, {"held_out.0": "dataset mood"})
    assert line == "content of held_out.0 (dataset mood) changed: a → b"
