"""`temper up --listen`: other machines connect with the passwords, and with nothing else."""

from __future__ import annotations

import socket
from pathlib import Path

import httpx
import pytest

from tests.support.process import finish
from tests.support.tiny_experiment import write_experiment
from tests.support.up import Up, up_on

pytestmark = pytest.mark.slow

USER, PASSWORD, OTHER = "ada", "s3cret-of-prefect", "s3cret-of-mlflow"
PREFECT, MLFLOW = "/api/admin/version", "/api/2.0/mlflow/experiments/search?max_results=1"


def statuses(up: Up, host: str, prefect: str = "", mlflow: str = "") -> list[int]:
    """What both servers answer to a request, with a password or without."""
    asked = zip(up.ports, (PREFECT, MLFLOW), (prefect, mlflow), strict=True)
    return [
        httpx.get(
            f"http://127.0.0.1:{port}{path}",
            headers={"Host": f"{host}:{port}"},
            auth=(USER, password) if password else None,
        ).status_code
        for port, path, password in asked
    ]


def sign_in(monkeypatch: pytest.MonkeyPatch, prefect: str, mlflow: str) -> None:
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", f"{USER}:{prefect}")
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", USER)
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", mlflow)


def test_other_machines_connect_with_the_passwords_alone(tmp_path: Path, monkeypatch) -> None:
    sign_in(monkeypatch, PASSWORD, OTHER)
    with up_on(tmp_path, write_experiment(tmp_path / "data")) as up:
        up.start("--listen", "0.0.0.0", "--host-name", "board.example")
        assert "unencrypted" in up.said("up")
        for host in (socket.gethostname(), "board.example", "127.0.0.1"):
            assert statuses(up, host, PASSWORD, OTHER) == [200, 200], host
            assert statuses(up, host) == [401, 401], host
            assert statuses(up, host, OTHER, PASSWORD) == [401, 401], host
        assert statuses(up, "evil.example", PASSWORD, OTHER) == [400, 403]
        page = {"Origin": f"http://board.example:{up.ports[1]}"}
        search = f"http://127.0.0.1:{up.ports[1]}/ajax-api/2.0/mlflow/runs/search"
        body = {"experiment_ids": ["0"]}
        asked = {"json": body, "headers": page, "auth": (USER, OTHER)}
        assert httpx.post(search, **asked).status_code == 200  # its own page, elsewhere
        page["Origin"] = "http://evil.example"
        assert httpx.post(search, **asked).status_code == 403

        done = finish(tmp_path, "")
        assert done["flow_run_url"].startswith(f"http://127.0.0.1:{up.ports[0]}")
        assert done["mlflow"]["delivered"]
        sign_in(monkeypatch, PASSWORD, "not-that-of-mlflow")
        status, said = up.temper("compare")
        assert status == 1
        assert "MLFLOW_TRACKING_PASSWORD" in said
        up.stop()

        sign_in(monkeypatch, OTHER, PASSWORD)  # other passwords count from the next start on
        up.start("--listen", "0.0.0.0")
        assert statuses(up, "127.0.0.1", OTHER, PASSWORD) == [200, 200]
        assert statuses(up, "127.0.0.1", PASSWORD, OTHER) == [401, 401]
        up.stop()
    kept = [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()]
    for secret in (PASSWORD, OTHER):
        assert not any(secret.encode() in content for content in kept)
