"""The run of a stage is created once in MLflow, whenever the process that creates it is killed."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tasks.contract import StageError
from tasks.machinery.tracking import opening
from tasks.machinery.tracking.opening import open_once
from tasks.machinery.tracking.tags import FINGERPRINT
from tasks.machinery.tracking.tracked_run import TrackedRun
from tasks.machinery.tracking.tracking import Tracking

TAGS = {FINGERPRINT: "0123"}


class KilledError(BaseException):
    """Stands for a SIGKILL: nothing catches it."""


@pytest.fixture
def tracking(mlflow_database) -> Tracking:
    return Tracking("runs")


@pytest.fixture
def parent(tracking: Tracking) -> TrackedRun:
    return tracking.open("parent", {})


def stages(tracking: Tracking) -> list[str]:
    """The ids of the runs of the stage."""
    found = tracking.client.search_runs([tracking.experiment_id])
    return [run.info.run_id for run in found if run.info.run_name == "stage"]


def kill_at(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kill the process where it would write a file."""
    write = opening.write_atomically

    def killed(path: Path, value: object) -> None:
        if path.name == file:
            raise KilledError
        write(path, value)

    monkeypatch.setattr(opening, "write_atomically", killed)


def test_a_run_whose_id_was_not_recorded_is_resumed(
    tracking: Tracking, parent: TrackedRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        kill_at("run.json", patch)
        with pytest.raises(KilledError):
            open_once(tracking, tmp_path, "stage", TAGS, parent)
    [left] = stages(tracking)
    tracking.client.set_terminated(left, "KILLED")  # what the next start does with it
    run = open_once(tracking, tmp_path, "stage", TAGS, parent)
    assert run.run_id == left
    assert stages(tracking) == [left]
    assert json.loads((tmp_path / "run.json").read_text())["run_id"] == left
    assert not (tmp_path / "opening.json").exists()
    run.leave()
    parent.leave()


def test_killed_before_it_is_created_it_gets_one(
    tracking: Tracking, parent: TrackedRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(tracking, "open", lambda *_: (_ for _ in ()).throw(KilledError))
        with pytest.raises(KilledError):
            open_once(tracking, tmp_path, "stage", TAGS, parent)
    assert (tmp_path / "opening.json").exists()
    run = open_once(tracking, tmp_path, "stage", TAGS, parent)
    assert stages(tracking) == [run.run_id]
    run.leave()
    parent.leave()


def test_the_run_of_another_state_folder_for_the_same_stage_is_left(
    tracking: Tracking, parent: TrackedRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, ours = tmp_path / "other", tmp_path / "ours"
    other.mkdir()
    ours.mkdir()
    theirs = open_once(tracking, other, "stage", TAGS, parent, at=1_000.0)
    with monkeypatch.context() as patch:
        patch.setattr(tracking, "open", lambda *_: (_ for _ in ()).throw(KilledError))
        with pytest.raises(KilledError):
            open_once(tracking, ours, "stage", TAGS, parent, at=2_000.0)
    run = open_once(tracking, ours, "stage", TAGS, parent)
    assert run.run_id != theirs.run_id
    for each in (run, theirs, parent):
        each.leave()


def test_a_deleted_experiment_is_restored_by_the_command_that_is_named(
    tracking: Tracking, parent: TrackedRun
) -> None:
    deleted = tracking.experiment_id
    tracking.client.delete_experiment(deleted)
    restore = re.escape(
        f"`MLFLOW_TRACKING_URI={tracking.address} mlflow experiments restore "
        f"--experiment-id {deleted}`"
    )
    with pytest.raises(StageError, match=restore):
        Tracking("runs").open("another", {})
