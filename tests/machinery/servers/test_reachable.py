"""Servers that do not answer are reported before anything begins."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.contract import UnreachableError
from tasks.machinery.servers.reachable import require_reachable_servers
from tests.conftest import ROOT, free_port
from tests.support.tiny_experiment import write_experiment


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "MLFLOW_TRACKING_URI",
        "PREFECT_API_URL",
        "http_proxy",
        "HTTP_PROXY",
        "all_proxy",
        "ALL_PROXY",
    ):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def listening() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_with_no_server_configured_all_is_well(home: Path) -> None:
    require_reachable_servers()


@pytest.mark.parametrize(
    "variable, address",
    [
        ("MLFLOW_TRACKING_URI", "http://127.0.0.1:{port}"),
        ("MLFLOW_TRACKING_URI", "postgresql+psycopg2://me:secret@127.0.0.1:{port}/runs"),
        ("PREFECT_API_URL", "http://127.0.0.1:{port}/api"),
    ],
)
def test_a_server_that_does_not_answer_is_named_with_its_variable(
    variable: str, address: str, listening: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, address.format(port=listening))
    require_reachable_servers()
    monkeypatch.setenv(variable, address.format(port=free_port()))
    with pytest.raises(UnreachableError, match=rf"127\.0\.0\.1.*{variable}.*refused") as raised:
        require_reachable_servers()
    assert "secret" not in str(raised.value)


def test_a_host_that_only_a_proxy_reaches_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow.invalid")
    with pytest.raises(UnreachableError):
        require_reachable_servers()
    for name in ("http_proxy", "ALL_PROXY"):
        with monkeypatch.context() as patch:
            patch.setenv(name, "http://127.0.0.1:3128")
            require_reachable_servers()


@pytest.mark.parametrize("variable", ["MLFLOW_TRACKING_URI", "PREFECT_API_URL"])
def test_a_run_ends_before_anything_is_started(
    variable: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, f"http://127.0.0.1:{free_port()}/api")
    file = write_experiment(tmp_path / "data")
    done = subprocess.run(
        [sys.executable, "-m", "flows.commands.main", "run", str(file)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert variable in done.stderr
    assert "Traceback" not in done.stderr
    assert "starting Prefect" not in done.stdout
