"""Flow runs that a kill left running in Prefect, and those that still run."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path
from uuid import UUID

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.runtime import flow_run
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Cancelling

from tasks.machinery.orchestration import gone_flow_runs
from tasks.machinery.orchestration.gone_flow_runs import close_flow_runs, registered_flow_run
from tests.conftest import free_port

CHILD = """
import time
from prefect import flow, task
from prefect.runtime import flow_run
from tasks.machinery.orchestration.gone_flow_runs import registered_flow_run

@task
def waits():
    print("here", flush=True)
    time.sleep(300)

@flow
def inner():
    print(flow_run.id, flush=True)
    waits()

@flow
def outer():
    print(flow_run.id, flush=True)
    with registered_flow_run():
        inner()

outer()
"""


def kill_in_the_middle() -> tuple[UUID, UUID]:
    """Kill a process that runs a task in a subflow in a flow; the ids of the flow runs."""
    with subprocess.Popen(
        [sys.executable, "-c", CHILD], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        words = [child.stdout.readline().strip() for _ in range(3)]
        assert words[2] == "here"
        time.sleep(1)  # Prefect hears of the task run a moment later
        child.send_signal(signal.SIGKILL)
    return UUID(words[0]), UUID(words[1])


def state_of(flow_run_id: UUID) -> str:
    with get_client(sync_client=True) as client:
        state = client.read_flow_run(flow_run_id).state_type
    return state.value if state else ""


def task_states() -> dict[str, str]:
    with get_client(sync_client=True) as client:
        return {str(run.id): run.state_type.value for run in client.read_task_runs()}


def registered() -> list[str]:
    return [file.stem for file in gone_flow_runs._folder().glob("*.json")]


def write(name: str, server: str, age: float = 0.0) -> Path:
    """A file as a killed process of another time leaves it."""
    file = gone_flow_runs._folder() / f"{name}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"owner": "elsewhere:1:1", "server": server}))
    os.utime(file, (time.time() - age, time.time() - age))
    return file


@pytest.mark.slow
def test_what_a_kill_left_is_closed_with_all_in_it(home, prefect) -> None:
    before = task_states()
    outer, inner = kill_in_the_middle()
    new = task_states().keys() - before.keys()
    assert (state_of(outer), state_of(inner), len(new)) == ("RUNNING", "RUNNING", 2)
    close_flow_runs()
    assert (state_of(outer), state_of(inner)) == ("CRASHED", "CRASHED")
    assert {task_states()[task_run] for task_run in new} == {"CRASHED"}
    assert registered() == []


@pytest.mark.slow
def test_what_was_killed_while_it_was_being_cancelled_is_cancelled(home, prefect) -> None:
    outer, _ = kill_in_the_middle()
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(outer, Cancelling())
    close_flow_runs()
    assert state_of(outer) == "CANCELLED"


def test_what_still_runs_is_left_alone(home, prefect) -> None:
    @flow
    def lives() -> tuple[UUID, str]:
        with registered_flow_run():
            own = UUID(str(flow_run.id))
            close_flow_runs()
            return own, state_of(own)

    flow_run_id, meanwhile = lives()
    assert meanwhile == "RUNNING"
    assert state_of(flow_run_id) == "COMPLETED"
    close_flow_runs()
    assert state_of(flow_run_id) == "COMPLETED"
    assert registered() == []


@pytest.mark.slow
def test_a_living_run_on_another_host_is_left_alone_until_it_is_silent(home, prefect) -> None:
    flow_run_id, _ = kill_in_the_middle()
    file = write(str(flow_run_id), prefect, age=100)
    close_flow_runs()
    assert state_of(flow_run_id) == "RUNNING"
    os.utime(file, (time.time() - 600, time.time() - 600))
    close_flow_runs()
    assert state_of(flow_run_id) == "CRASHED"


def test_flow_runs_of_another_server_wait_for_it(home, prefect) -> None:
    other = write(str(uuid.uuid4()), "http://other:4200/api", age=1000)
    forgotten = write(str(uuid.uuid4()), "http://other:4200/api", age=40 * 24 * 3600)
    deleted = write(str(uuid.uuid4()), prefect, age=1000)
    half = other.with_name(f"{uuid.uuid4()}.json")
    half.write_text('{"own')
    close_flow_runs([str(uuid.uuid4())])
    assert registered() == [other.stem]
    assert not any(file.exists() for file in (forgotten, deleted, half))


def test_a_server_that_cannot_be_reached_is_a_warning(home, caplog) -> None:
    file = write(str(uuid.uuid4()), "", age=1000)
    begun = time.monotonic()
    nowhere = f"http://127.0.0.1:{free_port()}/api"
    with temporary_settings({PREFECT_API_URL: nowhere}), caplog.at_level(logging.WARNING):
        close_flow_runs()
    assert time.monotonic() - begun < 20
    assert "may still show as running" in caplog.text
    assert file.exists()


@pytest.mark.long
@pytest.mark.slow
def test_what_was_killed_before_it_registered_is_closed_in_our_own_database(home) -> None:
    start = (
        "from tasks.machinery.servers.environment import prepare_environment\n"
        "prepare_environment()\n"
        "from tasks.machinery.servers.temporary_server import TemporaryServer\n"
        "TemporaryServer().wait()\n"
    )
    flows = (
        "import os, signal\nfrom prefect import flow\n"
        "flow(lambda: os.kill(os.getpid(), signal.SIGKILL), name='experiment')()\n"
    )
    closes = (
        "from tasks.machinery.orchestration import gone_flow_runs\n"
        "from prefect.client.orchestration import get_client\n"
        "gone_flow_runs.STARTING = {0}\ngone_flow_runs.close_flow_runs()\n"
        "with get_client(sync_client=True) as client:\n"
        "    print([run.state_type.value for run in client.read_flow_runs()])\n"
    )
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")
    }

    def child(code: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", start + code]
        return subprocess.run(command, env=environment, capture_output=True, text=True)

    assert child(flows).returncode == -signal.SIGKILL
    assert "['RUNNING']" in child(closes.format(600)).stdout
    assert "['CRASHED']" in child(closes.format(0)).stdout
