"""`temper up` as a person uses it: started, used, stopped, killed; on ports of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import psutil
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.loading import load_experiment
from tasks.machinery.servers import Servers, answers
from tests.conftest import free_port
from tests.flows.process import checkpoints_of, finish, run_of, runs_of
from tests.flows.tiny import write_experiment

pytestmark = pytest.mark.slow

LONG = 9000
ENDED = (StateType.COMPLETED, StateType.FAILED, StateType.CRASHED, StateType.CANCELLED)


class Up:
    """A state folder, and `temper up` on it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.home = folder, folder / "home"
        self.ports = (free_port(), free_port())
        self.process: subprocess.Popen[str] | None = None
        self.file = write_experiment(folder / "data")

    def environment(self) -> dict[str, str]:
        unset = ("PREFECT_API_URL", "MLFLOW_TRACKING_URI", "PREFECT_HOME")
        unset += ("PREFECT_LOCAL_STORAGE_PATH", "PREFECT_LOGGING_TO_API_ENABLED")
        found = {name: value for name, value in os.environ.items() if name not in unset}
        return found | {"TEMPER_HOME": str(self.home)}

    def popen(self, *words: str) -> subprocess.Popen[str]:
        log = (self.folder / f"{words[0]}.txt").open("w")
        command = [sys.executable, "-m", "flows.cli", *words]
        return subprocess.Popen(command, env=self.environment(), stdout=log, stderr=log, text=True)

    def temper(self, *words: str) -> tuple[int, str]:
        status = self.popen(*words).wait(timeout=80)
        return status, self.said(words[0])

    def said(self, command: str) -> str:
        return (self.folder / f"{command}.txt").read_text()

    def start(self) -> None:
        prefect, mlflow = map(str, self.ports)
        self.process = self.popen("up", "--prefect-port", prefect, "--mlflow-port", mlflow)
        wait_until(lambda: "Ctrl-C" in self.said("up") or self.process.poll() is not None, 80)
        assert self.process.poll() is None, self.said("up")

    def stop(self, number: int = signal.SIGINT) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(timeout=60)

    def state(self) -> Servers:
        return Servers.model_validate_json((self.home / "servers.json").read_text())

    def client(self) -> SyncPrefectClient:
        return get_client(sync_client=True)

    def trigger(self, **pretraining: int) -> FlowRun:
        """Start a run of the blank deployment as the UI does."""
        settings = [f"pretraining.{name}={value}" for name, value in pretraining.items()]
        form = load_experiment(str(self.file), settings).model_dump(mode="json")
        with self.client() as client:
            blank = client.read_deployment_by_name("experiment/blank")
            return client.create_flow_run_from_deployment(blank.id, parameters={"experiment": form})

    def flow_run(self, flow_run_id: UUID) -> FlowRun:
        with self.client() as client:
            return client.read_flow_run(flow_run_id)

    def listening(self) -> list[int]:
        return [port for port in self.ports if is_taken(port)]


def is_taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(done: Callable[[], bool], seconds: float) -> None:
    until = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < until, "it never came"
        time.sleep(0.2)


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    found = Up(tmp_path)
    with temporary_settings({PREFECT_API_URL: f"http://127.0.0.1:{found.ports[0]}/api"}):
        yield found
    if found.process is not None and found.process.poll() is None:
        found.stop()
    found.temper("down")


def by_name(runs: list[Run]) -> dict[str, list[str]]:
    names = {run.info.run_name for run in runs}
    return {
        name: sorted(run.info.run_id for run in runs if run.info.run_name == name) for name in names
    }


def test_runs_made_before_are_there_and_new_ones_use_the_servers(up: Up) -> None:
    before = finish(up.folder, "")
    recorded = by_name(runs_of(up.folder))
    up.start()
    prefect, mlflow = (f"http://127.0.0.1:{port}" for port in up.ports)
    assert answers(prefect)
    assert answers(mlflow)
    with urllib.request.urlopen(f"{prefect}/ui-settings") as settings:
        assert json.load(settings)["api_url"] == "/api"  # not at the port it would have had
    assert up.temper("status")[0] == 0
    after = finish(up.folder, "")
    assert {stage["state"] for stage in after["stages"]} == {"cached"}
    assert after["flow_run_url"].startswith(prefect)
    assert after["mlflow"]["url"].startswith(mlflow)
    assert after["mlflow"]["url"] in after["printed"]
    assert after["mlflow"]["experiment_id"] == before["mlflow"]["experiment_id"]
    again = by_name(runs_of(up.folder))
    parent = "tiny · bert 1×16 · 12 steps"
    assert len(again.pop(parent)) == 1 + len(recorded.pop(parent))
    assert again == recorded  # no stage is recorded a second time
    client = MlflowClient(mlflow)
    report = run_of(up.folder, "report").info.run_id
    there = {file.path for file in client.list_artifacts(report)}
    assert "card.md" in there

    flow_run = up.trigger(steps=14)
    wait_until(lambda: up.flow_run(flow_run.id).state_type in ENDED, 80)
    assert up.flow_run(flow_run.id).state_type == StateType.COMPLETED
    assert up.stop() == 0
    assert up.listening() == []
    [new] = [run for run in runs_of(up.folder) if run.info.run_name.endswith("14 steps")]
    assert new.info.status == "FINISHED"
    assert new.info.artifact_uri.startswith((up.home / "mlartifacts" / "tiny").as_uri())
    direct = MlflowClient(f"sqlite:///{up.home}/mlflow.db")
    assert {file.path for file in direct.list_artifacts(report)} == there
    assert "up" in finish(up.folder, "")["printed"].partition("to look further")[2]


def test_ctrl_c_checkpoints_what_runs_before_the_servers_go(up: Up) -> None:
    up.start()
    flow_run = up.trigger(steps=LONG)
    queued = up.trigger(steps=LONG + 1)
    wait_until(lambda: list((up.home / "store" / "pretraining").glob("*/writing")) != [], 60)
    time.sleep(3)
    assert up.flow_run(queued.id).state_type == StateType.SCHEDULED  # one at a time
    assert up.temper("status")[1].count("tiny") == 1
    assert up.stop() == 0
    said = up.said("up")
    stopped = [said.index(f"{name} stopped") for name in ("serving process", "MLflow server")]
    assert stopped == sorted(stopped)
    assert stopped[-1] < said.index("Prefect server stopped")
    assert "killed" not in said
    assert up.listening() == []
    assert checkpoints_of(up.folder, "pretraining")
    parent = f"tiny · bert 1×16 · {LONG:,} steps"
    assert {run.info.status for run in runs_of(up.folder) if run.info.end_time is None} == set()
    assert run_of(up.folder, parent).info.status == "KILLED"
    assert run_of(up.folder, "pretraining").info.status == "KILLED"
    up.start()
    ended = up.flow_run(flow_run.id)
    assert ended.state_type == StateType.CANCELLED
    assert "temper up" in (ended.state.message or "")


def test_a_run_in_a_terminal_stops_with_a_checkpoint_too(up: Up) -> None:
    up.start()
    run = up.popen("run", str(up.file), "--set", f"pretraining.steps={LONG}")
    wait_until(lambda: list((up.home / "store" / "pretraining").glob("*/writing")) != [], 60)
    time.sleep(2)
    status, said = up.temper("down")
    assert status == 0, said
    assert up.process.wait(timeout=10) == 0
    assert run.wait(timeout=20) == 130
    assert checkpoints_of(up.folder, "pretraining")
    assert run_of(up.folder, "pretraining").info.status == "KILLED"
    assert up.temper("status")[0] == 3


def test_a_port_that_is_taken_is_named_with_who_has_it(up: Up) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        status, said = up.temper("up", "--prefect-port", str(port))
    assert status == 1
    assert f"port {port}" in said
    assert f"process {os.getpid()}" in said
    assert "--prefect-port" in said
    assert "Traceback" not in said


def test_started_twice_it_says_where_it_is_up(up: Up) -> None:
    up.start()
    first = up.said("up")
    status, said = up.temper("up")
    assert status == 0
    assert "up already" in said
    assert f"http://127.0.0.1:{up.ports[0]}" in said
    assert f"http://127.0.0.1:{up.ports[1]}" in said
    assert "well" in first
    assert up.state().is_up


def test_killed_its_servers_are_found_and_ended(up: Up) -> None:
    up.start()
    left = [psutil.Process(program.pid) for program in up.state().programs]
    up.process.kill()
    up.process.wait()
    status, said = up.temper("status")
    assert status == 3
    assert "was killed" in said
    assert up.listening() == list(up.ports)
    assert up.temper("down")[0] == 0
    assert up.listening() == []
    assert not [each for each in left if each.is_running() and each.status() != "zombie"]
    assert up.temper("down") == (0, f"nothing is up in {up.home}\n")
