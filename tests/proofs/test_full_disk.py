"""A disk that really runs full: a clear error, nothing corrupt, and with room it continues."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient

from tests.conftest import small_disk_at
from tests.support.command import Command
from tests.support.tiny_experiment import write_experiment

pytestmark = pytest.mark.slow

LONG = ["--set", "pretraining.steps=600", "--set", "checkpoints.every_steps=20"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 60 MB of its own, where this process may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    with small_disk_at(folder, megabytes=60) as disk:
        yield disk


def fill(disk: Path) -> Path:
    """Fill a disk to the last byte."""
    ballast = disk / "ballast"
    with ballast.open("ab", buffering=0) as file:
        for size in (2**20, 4096, 1):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                continue
    return ballast


def temper(folder: Path, disk: Path, server: str, *words: str) -> Command:
    environment = os.environ | {"TEMPER_HOME": str(disk / "home"), "PREFECT_API_URL": server}
    environment |= {"PREFECT_LOCAL_STORAGE_PATH": str(disk / "home" / "results")}
    environment.pop("MLFLOW_TRACKING_URI", None)
    words = ("run", str(folder / "data" / "tiny.yaml"), *words, *LONG)
    return Command(*words, environment=environment, log=folder / "out.txt")


def assert_said(folder: Path, disk: Path) -> None:
    printed = (folder / "out.txt").read_text()
    assert "Traceback" not in printed
    said = [line for line in printed.splitlines() if line.startswith("temper: ")]
    assert any("is full" in line and str(disk) in line for line in said), said


def finish(folder: Path, disk: Path, server: str) -> dict[str, float]:
    process = temper(folder, disk, server, "--output", str(folder / "out.json"))
    assert process.wait(timeout=400) == 0, (folder / "out.txt").read_text()[-3000:]
    metrics: dict[str, float] = json.loads((folder / "out.json").read_text())["metrics"]
    return metrics


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, prefect_server: str) -> dict[str, float]:
    """The metrics of a run that begins on a full disk, and computes all of it once it has room."""
    folder = tmp_path_factory.mktemp("full")
    write_experiment(folder / "data")
    (folder / "disk").mkdir()
    with small_disk_at(folder / "disk", megabytes=60) as disk:
        ballast = fill(disk)
        process = temper(folder, disk, prefect_server)
        assert process.wait(timeout=200) in (1, 2)
        assert_said(folder, disk)
        ballast.unlink()
        return finish(folder, disk, prefect_server)


def test_a_disk_that_is_full_from_the_start_is_said_at_once(undisturbed) -> None:
    assert undisturbed["pretraining/validation_loss"] > 0


def test_a_disk_that_fills_while_training_stops_it_and_room_lets_it_go_on(
    undisturbed, tmp_path, small_disk, prefect_server
) -> None:
    write_experiment(tmp_path / "data")
    process = temper(tmp_path, small_disk, prefect_server)
    checkpoints = small_disk / "home" / "store" / "pretraining"
    for _ in range(900):
        if list(checkpoints.glob("*/checkpoints/step-*")):
            break
        assert process.poll() is None, (tmp_path / "out.txt").read_text()[-2000:]
        time.sleep(0.1)
    ballast = fill(small_disk)
    assert process.wait(timeout=300) == 1, (tmp_path / "out.txt").read_text()[-3000:]
    assert_said(tmp_path, small_disk)
    assert not list(checkpoints.glob("*/manifest.json"))
    again = temper(tmp_path, small_disk, prefect_server)  # still full
    assert again.wait(timeout=300) == 1
    assert_said(tmp_path, small_disk)
    ballast.unlink()
    metrics = finish(tmp_path, small_disk, prefect_server)
    assert "resumed from step" in (tmp_path / "out.txt").read_text()
    client = MlflowClient(f"sqlite:///{small_disk}/home/mlflow.db")
    runs = client.search_runs([e.experiment_id for e in client.search_experiments()])
    assert len([run for run in runs if run.info.run_name == "pretraining"]) == 1
    assert not [run for run in runs if run.info.status == "RUNNING"]
    assert metrics == undisturbed
