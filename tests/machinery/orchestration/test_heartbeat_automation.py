"""The automation by which a Prefect server finds out by itself that a flow run was killed."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from uuid import UUID

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.events.schemas.automations import Automation
from prefect.settings import PREFECT_API_URL, temporary_settings

from tasks.machinery.orchestration import heartbeat_automation as zombies
from tasks.machinery.orchestration.gone_flow_runs import close_flow_runs
from tasks.machinery.orchestration.heartbeat_automation import ensure_automation

# It holds Python's lock for as long as it can: no training does as much.
CHILD = """
import sys, time
from prefect import flow, task
from prefect.runtime import flow_run
from tasks.machinery.orchestration.gone_flow_runs import registered_flow_run

@task
def computes():
    end = time.monotonic() + float(sys.argv[1])
    while time.monotonic() < end:
        sum(range(100_000))

@flow(name="doomed")
def computing():
    with registered_flow_run():
        print(flow_run.id, flush=True)
        computes()

computing()
"""


@pytest.fixture(autouse=True)
def of_this_test(monkeypatch, prefect) -> Iterator[None]:
    """An automation of its own, which is removed from the shared server afterwards."""
    monkeypatch.setattr(zombies, "NAME", "zombies of a test")
    monkeypatch.setattr(zombies, "FLOWS", ("doomed",))
    yield
    with get_client(sync_client=True) as client:
        for each in found():
            client.delete_automation(each.id)


def found() -> list[Automation]:
    with get_client(sync_client=True) as client:
        return client.read_automations_by_name(zombies.NAME)


def test_there_is_one_and_it_is_as_wanted() -> None:
    ensure_automation()
    first = found()
    ensure_automation()
    assert found() == first, "what is as wanted is not touched: an update forgets whom it watches"
    assert [each.trigger.within for each in first] == [timedelta(seconds=540)]
    ensure_automation(timedelta(seconds=60))
    assert [(each.id, each.trigger.within.seconds) for each in found()] == [(first[0].id, 60)]


def test_two_processes_at_once_make_one() -> None:
    threads = [threading.Thread(target=_ensure) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found()) == 1


def _ensure() -> None:
    with temporary_settings({PREFECT_API_URL: os.environ["PREFECT_API_URL"]}):
        ensure_automation()


def test_one_that_a_person_disabled_stays_so() -> None:
    ensure_automation()
    with get_client(sync_client=True) as client:
        client.pause_automation(found()[0].id)
    ensure_automation(timedelta(seconds=60))
    assert [each.enabled for each in found()] == [False]


class _Old(BaseHTTPRequestHandler):
    """A server that knows no automations."""

    def do_POST(self) -> None:
        self.send_error(404)

    do_GET = do_POST  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_a_server_without_automations_is_a_warning(caplog) -> None:
    with HTTPServer(("127.0.0.1", 0), _Old) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/api"
        with temporary_settings({PREFECT_API_URL: address}), caplog.at_level(logging.WARNING):
            begun = time.monotonic()
            ensure_automation()
            assert time.monotonic() - begun < 5
        server.shutdown()
    assert "accepts no automation" in caplog.text
    assert found() == []


def test_heartbeats_rarer_than_usual_widen_the_window(monkeypatch) -> None:
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY

    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: 600}):
        ensure_automation()
    assert [each.trigger.within for each in found()] == [timedelta(seconds=1800)]


@pytest.mark.long
@pytest.mark.slow
def test_the_server_alone_finds_a_killed_run_and_leaves_a_busy_one(home) -> None:
    ensure_automation(timedelta(seconds=40))
    killed, busy = _start(300), _start(80)
    time.sleep(3)
    killed[0].send_signal(signal.SIGKILL)
    killed[0].wait()
    begun = time.monotonic()
    while _state(killed[1]) == "RUNNING" and time.monotonic() - begun < 75:
        time.sleep(1)
    assert _state(killed[1]) == "CRASHED"
    assert _state(busy[1]) == "RUNNING"
    assert _tasks(killed[1]) == ["RUNNING"], "an automation cannot close them"
    close_flow_runs()
    assert _tasks(killed[1]) == ["CRASHED"]
    assert busy[0].wait(timeout=120) == 0
    assert _states(busy[1]) == ["PENDING", "RUNNING", "COMPLETED"]


def _start(seconds: int) -> tuple[subprocess.Popen[str], UUID]:
    """A process whose flow run computes for so long, with as many heartbeats as Prefect has."""
    environment = os.environ | {"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30"}
    command = [sys.executable, "-c", CHILD, str(seconds)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, UUID(process.stdout.readline().strip())


def _state(flow_run_id: UUID) -> str:
    return _states(flow_run_id)[-1]


def _states(flow_run_id: UUID) -> list[str]:
    """All states of a flow run, in their order."""
    with get_client(sync_client=True) as client:
        states = client.read_flow_run_states(flow_run_id)
    return [each.type.value for each in sorted(states, key=lambda each: each.timestamp)]


def _tasks(flow_run_id: UUID) -> list[str]:
    this_run = FlowRunFilter(id=FlowRunFilterId(any_=[flow_run_id]))
    with get_client(sync_client=True) as client:
        runs = client.read_task_runs(flow_run_filter=this_run)
    return [run.state_type.value for run in runs if run.state_type]
