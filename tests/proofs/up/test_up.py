"""`temper up` as a person uses it: started, used, stopped, killed; on ports of its own."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import urllib.request
from pathlib import Path

import psutil
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run
from prefect.client.schemas.objects import StateType
from prefect.states import Cancelling

from tasks.machinery.host.uris import sqlite_uri
from tasks.machinery.servers.servers import answers
from tests.proofs.up.conftest import Before
from tests.support.process import finish, run_of, runs_of
from tests.support.tiny_experiment import write_experiment
from tests.support.up import Up, up_on, wait_until

pytestmark = pytest.mark.slow

LONG = 9000  # each test has a number of steps of its own: a training that nobody has begun


def by_name(runs: list[Run]) -> dict[str, list[str]]:
    names = {run.info.run_name for run in runs}
    return {
        name: sorted(run.info.run_id for run in runs if run.info.run_name == name) for name in names
    }


def pretraining_of(up: Up, parent: Run) -> Run:
    """The pre-training that an experiment's run computed."""
    [found] = [
        run
        for run in runs_of(up.folder)
        if run.info.run_name == "pretraining"
        and run.data.tags["mlflow.parentRunId"] == parent.info.run_id
    ]
    return found


def has_checkpoint(training: Path) -> bool:
    return list(training.glob("checkpoints/step-*/COMPLETE.json")) != []


def test_runs_made_before_are_there_and_new_ones_use_the_servers(before: Before, up: Up) -> None:
    prefect, mlflow = (f"http://127.0.0.1:{port}" for port in up.ports)
    assert answers(prefect)
    assert answers(mlflow)
    with urllib.request.urlopen(f"{prefect}/ui-settings") as settings:
        assert json.load(settings)["api_url"] == "/api"  # not at the port it would have had
    assert up.temper("status")[0] == 0
    recorded = by_name(runs_of(up.folder))
    after = finish(up.folder, "")
    assert {stage["state"] for stage in after["stages"]} == {"cached"}
    assert after["flow_run_url"].startswith(prefect)
    assert after["mlflow"]["url"].startswith(mlflow)
    assert after["mlflow"]["url"] in after["printed"]
    assert after["mlflow"]["experiment_id"] == before.result["mlflow"]["experiment_id"]
    again = by_name(runs_of(up.folder))
    parent = "tiny · bert 1×16 · 12 steps"
    assert len(again.pop(parent)) == 1 + len(recorded.pop(parent))
    assert again == recorded  # no stage is recorded a second time
    client = MlflowClient(mlflow)
    [report] = [s["run_id"] for s in before.result["stages"] if s["name"] == "report"]
    there = {file.path for file in client.list_artifacts(report)}
    assert "card.md" in there

    flow_run = up.wait_for(up.trigger(steps=14), 80)
    assert flow_run.state_type == StateType.COMPLETED
    assert up.stop() == 0  # its process may not have exited yet
    assert up.listening() == []
    with sqlite3.connect(up.home / "prefect" / "prefect.db") as database:
        states = database.execute(
            "SELECT state_type FROM flow_run WHERE id = ?", [str(flow_run.id)]
        )
        assert states.fetchone() == ("COMPLETED",)
    [new] = [run for run in runs_of(up.folder) if run.info.run_name.endswith("14 steps")]
    assert new.info.status == "FINISHED"
    assert new.info.artifact_uri.startswith((up.home / "mlartifacts" / "tiny").as_uri())
    direct = MlflowClient(sqlite_uri(up.home / "mlflow.db"))
    assert {file.path for file in direct.list_artifacts(report)} == there
    assert "up" in finish(up.folder, "")["printed"].partition("to see more")[2]
    for words in (("compare",), ("gc", "--unreferenced", "--yes")):
        status, said = up.temper(*words)
        assert status == 0, said
    beside = [each for each in up.folder.parent.glob("up in job*") if not each.is_symlink()]
    assert beside == [up.folder]
    assert sorted(each.name for each in up.work.iterdir()) == ["flows", "tasks.py"]  # none was run


def test_ctrl_c_checkpoints_what_runs_before_the_servers_go(up: Up) -> None:
    idle = up.in_training()
    flow_run = up.trigger(steps=LONG)
    training = up.wait_for_training(idle)
    queued = up.trigger(steps=LONG + 1)
    assert up.flow_run(queued.id).state_type == StateType.SCHEDULED  # one at a time
    assert f"runs in progress: 1: tiny · bert 1×16 · {LONG:,} steps\n" in up.temper("status")[1]
    assert up.stop() == 0
    said = up.said("up")
    stopped = [said.index(f"{name} stopped") for name in ("serving process", "MLflow server")]
    assert stopped == sorted(stopped)
    assert stopped[-1] < said.index("Prefect server stopped")
    assert "killed" not in said
    assert up.listening() == []
    assert has_checkpoint(training)
    parent = run_of(up.folder, f"tiny · bert 1×16 · {LONG:,} steps")
    assert [run for run in runs_of(up.folder) if run.info.end_time is None] == []
    assert parent.info.status == "KILLED"
    assert pretraining_of(up, parent).info.status == "KILLED"
    up.start()
    ended = up.flow_run(flow_run.id)
    assert ended.state_type == StateType.CANCELLED
    assert "temper up" in (ended.state.message or "")
    with up.client() as client:
        client.set_flow_run_state(queued.id, Cancelling())
    up.wait_for(queued)


def test_a_run_in_a_terminal_stops_with_a_checkpoint_too(up: Up) -> None:
    steps, idle = LONG + 2, up.in_training()
    run = up.popen("run", str(up.file), "--set", f"pretraining.steps={steps}")
    training = up.wait_for_training(idle)
    status, said = up.temper("down")
    assert status == 0, said
    assert up.process.wait(timeout=10) == 0
    assert run.wait(timeout=20) == 130
    stopping = "temper: `temper up`, whose servers this run uses, is stopping: interrupted in "
    assert f"{stopping}pretraining at step" in up.said("run")
    assert has_checkpoint(training)
    parent = run_of(up.folder, f"tiny · bert 1×16 · {steps:,} steps")
    assert pretraining_of(up, parent).info.status == "KILLED"
    assert up.temper("status")[0] == 3


def test_a_port_that_is_taken_is_named_with_who_has_it(tmp_path: Path) -> None:
    with up_on(tmp_path, write_experiment(tmp_path / "data")) as other, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        status, said = other.temper("up", "--prefect-port", str(port))
    assert status == 1
    assert f"port {port}" in said
    assert f"process {os.getpid()}" in said
    assert "--prefect-port" in said
    assert "Traceback" not in said


def test_started_twice_it_says_where_it_is_up(up: Up) -> None:
    first = up.said("up")
    status, said = up.temper("up", log_name="again")
    assert status == 0
    assert "already up" in said
    assert f"http://127.0.0.1:{up.ports[0]}" in said
    assert f"http://127.0.0.1:{up.ports[1]}" in said
    assert "is up at" in first
    assert up.state().is_up


def test_a_garbled_record_of_the_servers_is_reported_and_written_again(up: Up) -> None:
    record = up.home / "servers.json"
    record.write_text("")
    _, said = up.temper("status")
    assert f"{record} cannot be read (it is empty)" in said
    assert "Traceback" not in said
    wait_until(record.exists, 10)
    assert up.temper("status")[0] == 0


def test_killed_its_servers_are_found_and_ended(up: Up) -> None:
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
