"""How others find the servers of `temper up`, and what they do where these are not well."""

from __future__ import annotations

import http.server
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from prefect.client.schemas.objects import FlowRun

from flows.commands.up import _in_progress, _listed
from flows.terminal.console import where_to_look
from tasks.contract import StageError
from tasks.machinery.execution.summary import RunSummary, StageSummary, TrackingSummary
from tasks.machinery.host.ledger import Ledger
from tasks.machinery.host.owner import this_process
from tasks.machinery.naming.title import Title
from tasks.machinery.orchestration.missed_schedules import superfluous
from tasks.machinery.servers.environment import prepare_environment
from tasks.machinery.servers.processes import check_port, last_words
from tasks.machinery.servers.servers import (
    Program,
    Servers,
    addresses,
    are_stopping,
    database_behind,
    life_file,
    read_servers,
    state_file,
)
from tasks.machinery.servers.stack import alone
from tests.conftest import free_port

GONE = "elsewhere:1:1"


class Well(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """A test says nothing."""


@pytest.fixture
def address() -> Iterator[str]:
    """Where a server says that it is well."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Well)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def write(prefect: str, mlflow: str, owner: str = "") -> Servers:
    owner = owner or this_process()
    log = Path("some.log")
    programs = [
        Program(name="prefect", owner=owner, address=prefect, log=log),
        Program(name="mlflow", owner=owner, address=mlflow, log=log),
    ]
    servers = Servers(owner=owner, since=time.time(), programs=programs)
    servers.write()
    return servers


def test_healthy_servers_are_used(home, monkeypatch, address) -> None:
    write(address, address)
    monkeypatch.setenv("PREFECT_API_URL", "set, so that it is not set after this test")
    monkeypatch.delenv("PREFECT_API_URL")
    assert prepare_environment() == ""
    assert os.environ["PREFECT_API_URL"] == f"{address}/api"
    assert os.environ["MLFLOW_TRACKING_URI"] == address


def test_what_is_set_wins_over_the_servers(home, monkeypatch, address) -> None:
    write(address, address)
    monkeypatch.setenv("PREFECT_API_URL", "http://mine/api")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mine")
    assert prepare_environment() == ""
    assert os.environ["PREFECT_API_URL"] == "http://mine/api"
    assert os.environ["MLFLOW_TRACKING_URI"] == "http://mine"


def test_a_run_knows_that_the_servers_that_it_uses_are_stopping(home, monkeypatch, address) -> None:
    servers = write(address, address)
    monkeypatch.setenv("PREFECT_API_URL", f"{address}/api")
    assert not are_stopping()
    servers.stopping = True
    servers.write()
    assert are_stopping()
    monkeypatch.setenv("PREFECT_API_URL", "http://mine/api")
    assert not are_stopping()


def test_runs_of_one_name_are_counted(home) -> None:
    for name in ("demo · bert", "demo · bert", "tiny"):
        Ledger.open(name.partition(" ")[0], "sqlite:///none", "run", {"temper.flow_run_name": name})
    assert _in_progress().total() == 3
    assert _listed(_in_progress()) == "demo · bert (2 of them), tiny"


@pytest.mark.parametrize("whose", ["", GONE])
def test_servers_that_are_not_well_are_done_without(home, address, whose: str) -> None:
    write(address, f"http://127.0.0.1:{free_port()}", whose)
    found, problem = addresses()
    assert found == {}
    assert "continuing without" in problem
    assert "\n" not in problem


def test_half_a_state_file_is_none(home) -> None:
    state_file().write_text('{"owner": "')
    assert read_servers() is None
    assert addresses() == ({}, "")


def test_a_serving_process_is_well_as_long_as_it_shows_life(home) -> None:
    serving = Program(name="serving", owner=this_process(), address="", log=Path("x"))
    assert not serving.is_healthy
    life_file().write_text(json.dumps({"owner": this_process()}))
    assert serving.is_healthy
    os.utime(life_file(), (1, 1))
    assert not serving.is_healthy


def test_the_server_and_the_database_behind_it_are_one_mlflow(home, address) -> None:
    write(address, address)
    assert database_behind(address) == f"sqlite:///{home}/mlflow.db"
    assert database_behind("http://another:5000") == "http://another:5000"
    assert database_behind("sqlite:///x.db") == "sqlite:///x.db"


def test_one_temper_up_at_a_time(home) -> None:
    with alone() as first, alone() as second:
        assert first
        assert not second
    with alone() as again:
        assert again


def test_a_free_port_is_fine_and_a_taken_one_is_named() -> None:
    check_port(free_port(), "--prefect-port")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StageError, match=rf"port {port}.*process {os.getpid()}.*--mlflow-port"):
            check_port(port, "--mlflow-port")


def test_the_reason_is_found_in_a_log(tmp_path) -> None:
    log = tmp_path / "x.log"
    assert last_words(log) == "no output"
    log.write_text("starting\nOSError: [Errno 28] no space left\nbye\n")
    assert last_words(log) == "OSError: [Errno 28] no space left"


def test_of_missed_runs_the_newest_of_each_schedule_is_kept() -> None:
    weekly, daily = uuid4(), uuid4()

    def run(deployment: object, *, auto: bool = True) -> FlowRun:
        return FlowRun(flow_id=uuid4(), deployment_id=deployment, auto_scheduled=auto)

    late = [run(weekly), run(daily), run(daily), run(weekly, auto=False), run(weekly)]
    assert superfluous(late) == [late[2].id, late[4].id]


def test_where_to_look_is_the_addresses_or_how_to_have_them(home) -> None:
    named = [Title("tokens"), Title("pretraining"), Title("finetuning", "mood")]
    facts = {"state": "cached", "fingerprint": "", "run_id": "", "seconds": 0.0}
    facts |= {"path": "", "pages": ""}
    models = ["", "models:/m-1", "models:/m-2"]
    stages = [
        StageSummary(name=title, model=model, **facts)
        for title, model in zip(named, models, strict=True)
    ]

    def summary(prefect: str, mlflow: str, stages: list[StageSummary]) -> RunSummary:
        ids = {"tracking_uri": "", "experiment_id": "7", "run_id": "abc", "delivered": True}
        return RunSummary(
            experiment="demo",
            flow_run_id="f",
            flow_run_url=prefect,
            mlflow=TrackingSummary(url=mlflow, **ids),
            stages=stages,
            metrics={},
        )

    assert where_to_look(summary("http://p/f", "http://m", stages), home) == [
        "runs and models:\n  http://m",
        "flows and logs:\n  http://p/f",
        "models, for `temper finetune`, `evaluate` and MLflow:\n  models:/m-1  pretraining\n"
        "  models:/m-2  finetuning mood",
    ]
    lines = "\n".join(where_to_look(summary("", "", []), home))
    assert f"TEMPER_HOME={home}" in lines
    assert "temper up" in lines
    assert "http://127.0.0.1:5000/#/experiments/7/runs/abc?workflowType" in lines
