"""The temporary Prefect server of a run: its errors are shown, and leftover servers are stopped."""

from __future__ import annotations

import contextvars
import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import psutil
import pytest
from prefect.server.api.server import SubprocessASGIServer
from prefect.settings import PREFECT_API_URL, temporary_settings

from tasks.contract import StageError
from tasks.machinery.host.owner import owner_of, this_process
from tasks.machinery.servers import temporary_server
from tasks.machinery.servers.databases import remedy
from tasks.machinery.servers.prefect_server import MODULE
from tasks.machinery.servers.temporary_server import TemporaryServer, end_servers_without_a_run
from tests.support.up import write_traps


@pytest.fixture
def folder(home: Path, monkeypatch) -> Path:
    """Prefect's folder, of this test alone and for the server that it starts."""
    folder = home / "prefect"
    database = f"sqlite+aiosqlite:///{folder / 'prefect.db'}"
    monkeypatch.setenv("PREFECT_SERVER_DATABASE_CONNECTION_URL", database)
    return folder


def message_of_the_failure() -> str:
    begun = time.monotonic()
    with temporary_settings({PREFECT_API_URL: None}), pytest.raises(StageError) as caught:
        TemporaryServer().wait()
    assert time.monotonic() - begun < 300
    return str(caught.value)


def servers() -> list[psutil.Process]:
    """The servers that this process started and that still run."""
    children = psutil.Process().children()
    return [child for child in children if MODULE in child.cmdline()]


@pytest.mark.slow
def test_a_damaged_database_is_named(folder) -> None:
    (folder / "prefect.db").write_text("no database " * 1000)
    message = message_of_the_failure()
    assert "its database is damaged (sqlite3.DatabaseError: file is not a database" in message
    assert str(folder / "server.log") in message
    assert remedy() in message
    assert "file is not a database" in (folder / "server.log").read_text()
    assert servers() == []


@pytest.mark.slow
@pytest.mark.long
def test_a_port_that_others_always_take_first_is_named(folder, monkeypatch) -> None:
    monkeypatch.setattr(temporary_server, "_ATTEMPTS", 2)  # each starts a server
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        monkeypatch.setattr(temporary_server, "_free_port", lambda: port)
        assert "address already in use" in message_of_the_failure()
    assert servers() == []


@pytest.mark.slow
def test_it_refuses_foreign_pages_and_names(folder) -> None:
    with temporary_settings({PREFECT_API_URL: None}):
        TemporaryServer().wait()
    server = SubprocessASGIServer()
    try:
        version = f"{server.api_url}/admin/version"
        assert httpx.get(version).status_code == 200
        page = {"Origin": "http://127.0.0.1:8000"}
        assert httpx.get(version, headers=page).status_code == 403
        assert httpx.get(version, headers={"Host": "evil.example"}).status_code == 400
    finally:
        server.stop()
    assert servers() == []


@pytest.mark.slow
def test_it_has_the_relative_database_of_a_person_and_runs_no_code_of_theirs(
    folder, tmp_path, monkeypatch
) -> None:
    work = tmp_path / "work"
    write_traps(work)
    url = "sqlite+aiosqlite:///./own.db"
    (work / "prefect.toml").write_text(f'[server.database]\nconnection_url = "{url}"\n')
    monkeypatch.delenv("PREFECT_SERVER_DATABASE_CONNECTION_URL")
    monkeypatch.chdir(work)
    with temporary_settings({PREFECT_API_URL: None}):
        TemporaryServer().wait()
    SubprocessASGIServer().stop()
    assert (work / "own.db").stat().st_size
    assert not (work / "ran").exists()


def test_a_folder_that_cannot_be_used_is_named(folder) -> None:
    (folder / "servers").write_text("not a folder")
    assert f"cannot be started in {folder}" in message_of_the_failure()


def test_servers_of_runs_that_are_gone_are_ended_and_others_left(tmp_path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"])
    owner = owner_of(gone.pid)
    gone.kill()
    gone.wait()
    left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"])
    used = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"])
    elsewhere = {"run": "elsewhere:1:1", "server": f"elsewhere:{used.pid}:1"}
    facts = {
        "gone": {"run": owner, "server": owner_of(left.pid)},
        "alive": {"run": this_process(), "server": owner_of(used.pid)},
        "elsewhere": elsewhere,
        "forgotten": elsewhere,
    }
    for name, each in facts.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(each))
    (tmp_path / "half.json").write_text('{"run')
    os.utime(tmp_path / "forgotten.json", (0, 0))
    try:
        end_servers_without_a_run(tmp_path)
        assert left.wait(timeout=10) != 0
        assert used.poll() is None
        assert sorted(file.stem for file in tmp_path.glob("*.json")) == ["alive", "elsewhere"]
        assert (tmp_path / "half.json.unreadable").is_file()
    finally:
        used.kill()
        used.wait()


def test_the_first_servers_of_a_state_folder_start_one_after_the_other(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TemporaryServer, "_begin", lambda self: None)
    with temporary_settings({PREFECT_API_URL: None}):
        first, second = TemporaryServer(), []
        waiting = threading.Thread(
            target=contextvars.copy_context().run, args=[lambda: second.append(TemporaryServer())]
        )
        waiting.start()
        waiting.join(0.5)
        assert not second  # the first one creates the tables
        first._alone.release()
        waiting.join(30)
        assert second
        second[0]._alone.release()
