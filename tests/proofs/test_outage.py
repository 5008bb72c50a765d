"""MLflow becomes unreachable while an experiment runs: nothing is lost, only reported later."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from tests.conftest import free_port
from tests.support.command import Command
from tests.support.tiny_experiment import STAGES, write_experiment

pytestmark = pytest.mark.slow

STEPS = 800  # take long enough for a server to go, and to come back


class Server:
    """A real MLflow server that can be killed and started again on its database."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "mlflow", "server", "--port", str(self.port)]
        command += ["--backend-store-uri", f"sqlite:///{self.folder}/runs.db", "--workers", "1"]
        command += ["--artifacts-destination", str(self.folder / "artifacts")]
        log = (self.folder / "log.txt").open("a")
        self.process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        for _ in range(1500):
            try:
                with urllib.request.urlopen(f"{self.address}/health", timeout=2):
                    return
            except OSError:
                time.sleep(0.2)
        raise RuntimeError((self.folder / "log.txt").read_text()[-2000:])

    def kill(self) -> None:
        if self.process is not None:
            os.killpg(self.process.pid, 9)
            self.process.wait()
            self.process = None


@pytest.fixture
def mlflow_server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path / "mlflow")
    server.start()
    yield server
    server.kill()


def environment(folder: Path, prefect: str, mlflow: str) -> dict[str, str]:
    values = os.environ | {"TEMPER_HOME": str(folder / "home"), "PREFECT_API_URL": prefect}
    values.pop("MLFLOW_TRACKING_URI", None)
    return values | ({"MLFLOW_TRACKING_URI": mlflow} if mlflow else {})


def temper(folder: Path, prefect: str, mlflow: str, *words: str) -> Command:
    """Start the command."""
    variables = environment(folder, prefect, mlflow)
    return Command(*words, environment=variables, log=folder / "out.txt")


def run_long(folder: Path, prefect: str, mlflow: str, steps: int = STEPS) -> Command:
    file = write_experiment(folder / "data")
    settings = ("--set", f"pretraining.steps={steps}", "--set", "pretraining.log_every=10")
    words = ("run", str(file), *settings, "--output", str(folder / "out.json"))
    return temper(folder, prefect, mlflow, *words)


def curve_in_the_store(folder: Path) -> list[int]:
    """The steps that training has logged so far."""
    [file] = list((folder / "home" / "store" / "pretraining").glob("*/metrics.jsonl")) or [None]
    if file is None:
        return []
    points = [json.loads(line) for line in file.read_text().splitlines() if line.endswith("}")]
    return [point["step"] for point in points if "loss" in point]


def wait_for_step(folder: Path, step: int, process: Command) -> None:
    for _ in range(1200):
        if curve_in_the_store(folder)[-1:] >= [step]:
            return
        assert process.poll() is None, (folder / "out.txt").read_text()[-2000:]
        time.sleep(0.1)
    raise AssertionError(f"step {step} never came")


def assert_complete(folder: Path, address: str, steps: int = STEPS) -> dict[str, Any]:
    """All runs are finished, and the curve of pre-training has every step once, in order."""
    client = MlflowClient(address)
    result = json.loads((folder / "out.json").read_text())
    runs = client.search_runs([result["mlflow"]["experiment_id"]])
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert len(runs) == 1 + len(result["stages"])
    assert len({run.info.run_name for run in runs}) == len(runs)
    [training] = [run for run in runs if run.info.run_name == "pretraining"]
    points = client.get_metric_history(training.info.run_id, "loss")
    assert [point.step for point in points] == list(range(10, steps + 1, 10))
    assert curve_in_the_store(folder) == list(range(10, steps + 1, 10))
    stamps = [point.timestamp for point in points]
    assert stamps == sorted(stamps)
    parent = client.get_run(result["mlflow"]["run_id"])
    assert parent.data.metrics.items() >= result["metrics"].items()
    assert len([name for name in parent.data.tags if name.startswith("temper.stage.")]) == STAGES
    assert "mlflow.note.content" in parent.data.tags
    models = client.search_logged_models([result["mlflow"]["experiment_id"]])
    assert len(models) == 5
    return result


def test_a_server_that_comes_back_gets_every_point_in_order_and_once(
    tmp_path, prefect_server, mlflow_server
) -> None:
    process = run_long(tmp_path, prefect_server, mlflow_server.address)
    wait_for_step(tmp_path, 100, process)
    mlflow_server.kill()
    seen = curve_in_the_store(tmp_path)[-1]
    wait_for_step(tmp_path, seen + 200, process)  # training goes on meanwhile
    mlflow_server.start()
    assert process.wait(timeout=300) == 0, (tmp_path / "out.txt").read_text()[-3000:]
    result = assert_complete(tmp_path, mlflow_server.address)
    assert result["mlflow"]["delivered"]


@pytest.mark.long
def test_what_a_server_that_stays_away_missed_is_told_by_sync(
    tmp_path, prefect_server, mlflow_server
) -> None:
    process = run_long(tmp_path, prefect_server, mlflow_server.address)
    wait_for_step(tmp_path, 100, process)
    mlflow_server.kill()
    assert process.wait(timeout=500) == 0, (tmp_path / "out.txt").read_text()[-3000:]
    printed = (tmp_path / "out.txt").read_text()
    assert "temper sync" in printed
    assert "Traceback" not in printed
    assert not json.loads((tmp_path / "out.json").read_text())["mlflow"]["delivered"]

    refused = temper(tmp_path, prefect_server, mlflow_server.address, "sync")
    assert refused.wait(timeout=100) == 1
    assert "cannot reach MLflow at" in (tmp_path / "out.txt").read_text()

    mlflow_server.start()
    told = temper(tmp_path, prefect_server, mlflow_server.address, "sync")
    assert told.wait(timeout=200) == 0, (tmp_path / "out.txt").read_text()[-3000:]
    assert_complete(tmp_path, mlflow_server.address)
    again = temper(tmp_path, prefect_server, mlflow_server.address, "sync")
    assert again.wait(timeout=100) == 0
    assert "everything is reported to MLflow" in (tmp_path / "out.txt").read_text()
    assert_complete(tmp_path, mlflow_server.address)


@pytest.mark.long
def test_a_database_that_another_process_locks_stops_no_training(tmp_path, prefect_server) -> None:
    steps = 3 * STEPS  # it is locked for long
    process = run_long(tmp_path, prefect_server, "", steps)
    wait_for_step(tmp_path, 100, process)
    with sqlite3.connect(tmp_path / "home" / "mlflow.db", timeout=30) as database:
        database.execute("BEGIN EXCLUSIVE")
        seen = curve_in_the_store(tmp_path)[-1]
        begun = time.monotonic()
        wait_for_step(tmp_path, seen + 800, process)
        time.sleep(max(0, 30 - (time.monotonic() - begun)))  # longer than SQLite's own patience
        database.rollback()
    assert process.wait(timeout=300) == 0, (tmp_path / "out.txt").read_text()[-3000:]
    assert_complete(tmp_path, f"sqlite:///{tmp_path}/home/mlflow.db", steps)


def test_without_mlflow_at_the_start_nothing_is_computed(tmp_path, prefect_server) -> None:
    address = f"127.0.0.1:{free_port()}"
    process = run_long(tmp_path, prefect_server, f"http://{address}")
    assert process.wait(timeout=120) == 1
    printed = (tmp_path / "out.txt").read_text()
    assert f"cannot reach MLflow at {address}" in printed
    assert "Traceback" not in printed
    assert not (tmp_path / "home" / "store").exists()
