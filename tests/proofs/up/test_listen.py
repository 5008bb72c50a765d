"""`temper up --listen`: other machines connect with the passwords, which stay where they belong."""

from __future__ import annotations

import base64
import os
import socket
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from prefect.client.schemas.objects import StateType

from tests.conftest import free_port
from tests.support.command import call
from tests.support.tiny_experiment import write_experiment
from tests.support.up import Up, up_on

pytestmark = pytest.mark.slow

USER, PASSWORD, OTHER = "ada", "s3cret-of-prefect", "s3cret-of-mlflow"
PREFECT, MLFLOW = "/api/admin/version", "/api/2.0/mlflow/experiments/search?max_results=1"
VARIABLES = (
    "HF_TOKEN",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "MLFLOW_TRACKING_TOKEN",
    "PGPASSWORD",
    "WANDB_API_KEY",
)


def sign_in(monkeypatch: pytest.MonkeyPatch, prefect: str, mlflow: str) -> None:
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", f"{USER}:{prefect}")
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", USER)
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", mlflow)


@pytest.fixture(scope="module")
def listening(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """`temper up` that other machines can connect to."""
    folder = tmp_path_factory.mktemp("listening")
    with pytest.MonkeyPatch.context() as patch:
        sign_in(patch, PASSWORD, OTHER)
        for name in VARIABLES:
            patch.setenv(name, secret_of(name))
        with up_on(folder, write_experiment(folder / "data")) as up:
            up.start("--listen", "0.0.0.0", "--host-name", "board.example")
            yield up


def secret_of(name: str) -> str:
    return f"s3cret-of-{name.lower()}"


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


def test_other_machines_connect_with_the_passwords_alone(listening: Up) -> None:
    up = listening
    assert "unencrypted" in up.said("up")
    for host in (socket.gethostname(), "board.example", "127.0.0.1"):
        assert statuses(up, host, PASSWORD, OTHER) == [200, 200], host
        assert statuses(up, host) == [401, 401], host
        assert statuses(up, host, OTHER, PASSWORD) == [401, 401], host
    assert statuses(up, "evil.example", PASSWORD, OTHER) == [400, 403]
    page = {"Origin": f"http://board.example:{up.ports[1]}"}
    search = f"http://127.0.0.1:{up.ports[1]}/ajax-api/2.0/mlflow/runs/search"
    body, auth = {"experiment_ids": ["0"]}, (USER, OTHER)
    # Its own page, opened elsewhere.
    assert httpx.post(search, json=body, headers=page, auth=auth).status_code == 200
    page["Origin"] = "http://evil.example"
    assert httpx.post(search, json=body, headers=page, auth=auth).status_code == 403


def temper(home: Path, variables: Mapping[str, str], *words: str) -> tuple[int, str]:
    """A command with a state folder of its own: its status, and all that it prints."""
    unset = ("PREFECT_HOME", "PREFECT_LOCAL_STORAGE_PATH", "PREFECT_LOGGING_TO_API_ENABLED")
    sign_ins = ("PREFECT_API_AUTH_STRING", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")
    kept = {k: value for k, value in os.environ.items() if k not in (*unset, *sign_ins)}
    environment = kept | {"TEMPER_HOME": str(home)} | variables
    done = call(*words, environment=environment, timeout=400)
    return done.returncode, done.stdout + done.stderr


def spelled(secret: str) -> list[bytes]:
    """A secret as bytes, and the part of its Base64 that does not depend on what is beside it."""
    shifted = [base64.b64encode(b"x" * by + secret.encode())[4:-4] for by in range(3)]
    return [secret.encode(), *shifted]


def kept_in(folder: Path) -> bytes:
    """All files of a folder, and all rows of its databases, which pages of a file may split."""
    found = [file.read_bytes() for file in folder.rglob("*") if file.is_file()]
    for file in folder.rglob("*.db"):
        with closing(sqlite3.connect(file)) as database:
            tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            for (table,) in tables.fetchall():
                rows = database.execute(f'SELECT * FROM "{table}"').fetchall()
                found += [str(value).encode() for row in rows for value in row]
    return b"\n".join(found)


def test_no_secret_is_shown_or_kept(listening: Up, tmp_path: Path) -> None:
    up, home, file = listening, tmp_path / "home", str(listening.file)
    prefect, mlflow = up.ports
    servers = {
        "PREFECT_API_URL": f"http://{USER}:{PASSWORD}@127.0.0.1:{prefect}/api",
        "MLFLOW_TRACKING_URI": f"http://{USER}:{OTHER}@127.0.0.1:{mlflow}",
    }
    out = tmp_path / "out"
    out.mkdir()
    said = []
    quick = ("run", file, "--set", "downstream=[]")  # the run below does all of it
    for words in (
        (*quick, "--output", str(out / "run.json")),
        (*quick, "--set", "pretraining.steps=13"),
        ("plan", file),
        ("compare", *(f"--{kind}={out / kind}" for kind in ("json", "html", "markdown"))),
        ("leaderboard",),
        ("fields",),
    ):
        status, text = temper(home, servers, *words)
        assert status == 0, text
        said.append(text)

    nobody, wrong = f"127.0.0.1:{free_port()}", "s3cret-of-nobody"
    # A server that is not there answers no second request either; one that is busy does.
    once = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "PREFECT_CLIENT_MAX_RETRIES": "0"}
    for name, address, words in (
        ("MLFLOW_TRACKING_URI", f"http://{USER}:{wrong}@{nobody}", ("run", file)),
        ("MLFLOW_TRACKING_URI", f"http://{wrong}@{nobody}", ("run", file)),
        ("MLFLOW_TRACKING_URI", f"http://{USER}:{wrong}@{nobody}", ("compare",)),
        ("MLFLOW_TRACKING_URI", f"http://{USER}:{wrong}@127.0.0.1:{mlflow}", ("run", file)),
        (
            "MLFLOW_TRACKING_URI",
            f"postgresql://a:{wrong}@{nobody}/x?password={wrong}",
            ("run", file),
        ),
        ("MLFLOW_TRACKING_URI", f"ftp://{USER}:{wrong}@{nobody}", ("run", file)),
        ("MLFLOW_TRACKING_URI", f"{USER}:{wrong}@{nobody}", ("run", file)),
        ("PREFECT_API_URL", f"http://{USER}:{wrong}@{nobody}/api", ("run", file)),
        ("PREFECT_API_URL", f"http://{USER}:{wrong}@127.0.0.1:{prefect}/api", ("run", file)),
    ):
        status, text = temper(home, servers | once | {name: address}, *words)
        assert status != 0, (address, text)
        assert "Traceback" not in text, (address, text)
        said.append(text)

    status, text = temper(
        tmp_path / "alone", {"PREFECT_API_KEY": wrong}, "run", file, "--set", "downstream=[]"
    )
    assert status == 0, text
    said.append(text)

    flow_run = up.wait_for(up.trigger(steps=15))  # in the serving process
    assert flow_run.state_type == StateType.COMPLETED
    said.append(up.said("up"))

    shown = "\n".join(said).encode()
    folders = (up.home, home, tmp_path / "alone", out)
    kept = b"\n".join(kept_in(folder) for folder in folders)
    assert b"bert 1" in kept
    for secret in (PASSWORD, OTHER, wrong, *map(secret_of, VARIABLES)):
        for form in spelled(secret):
            where = shown.find(form)
            assert where < 0, shown[where - 300 : where + 100]
            where = kept.find(form)
            assert where < 0, kept[where - 300 : where + 100]
    for folder in folders[:3]:
        assert folder.stat().st_mode & 0o077 == 0


@pytest.mark.long
def test_other_passwords_count_from_the_next_start(listening: Up, monkeypatch) -> None:
    listening.stop()
    sign_in(monkeypatch, OTHER, PASSWORD)
    listening.start("--listen", "0.0.0.0")
    assert statuses(listening, "127.0.0.1", OTHER, PASSWORD) == [200, 200]
    assert statuses(listening, "127.0.0.1", PASSWORD, OTHER) == [401, 401]
