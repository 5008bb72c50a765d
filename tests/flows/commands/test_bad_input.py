"""What a person may get wrong, a row a kind: one clear message, the right status, nothing done.

What shows without reading all data is refused with 2 before anything is computed or written
(`refused.py`), and so is what small data tell (`failing.py`). What only large data tell fails the
stage that reads them, with 1: it leaves no artifact of that stage or a later one.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from flows.commands.main import app
from tests.conftest import ROOT, free_port
from tests.support.failing import FAILING, FOREIGN
from tests.support.refused import REFUSED
from tests.support.several import SWAP
from tests.support.spoiling import Mistake
from tests.support.tiny_experiment import write_experiment

MOST_LINES = 6
# Mistakes in a row or a document: small sources are read, but documents are not yet compared.
READ = [
    mistake
    for mistake in FAILING
    if mistake.stage.startswith("dataset") or mistake.kind == "ISO-8859-1 in a text"
]
# Through a flow: the others, and some of these, as of sources that are too large to be read.
LATER = [mistake for mistake in FAILING if mistake not in READ[6:]]
STAGES = ("dataset", "baseline", "corpus", "tokenizer", "tokens", "pretraining")


@pytest.fixture(scope="module")
def valid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a valid experiment, to be copied and spoilt."""
    return write_experiment(tmp_path_factory.mktemp("valid") / "data").parent


@pytest.fixture
def data(valid: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return shutil.copytree(valid, tmp_path / "data")


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A state folder that does not exist yet; what the command sets is forgotten after the test."""
    for name in ("MLFLOW_TRACKING_URI", "PREFECT_API_URL", "PREFECT_LOGGING_HANDLERS"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("TEMPER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "200")
    return monkeypatch


def everything_in(folder: Path) -> dict[str, int]:
    """Every file and folder, with the time of its last change."""
    return {
        path: os.lstat(path).st_mtime_ns
        for root, folders, files in os.walk(folder)
        for path in (os.path.join(root, name) for name in folders + files)  # noqa: PTH118
    }


def require_clear(mistake: Mistake, folder: Path, out: str, err: str) -> None:
    """One message, that says what it must, and no traceback."""
    assert "Traceback" not in out + err
    lines = err.splitlines()
    assert 0 < len(lines) <= MOST_LINES, err
    assert [line for line in lines if not line.startswith("temper: ")] == []
    assert mistake.missing_from(err, folder) == [], err


@pytest.mark.parametrize("mistake", REFUSED, ids=lambda mistake: mistake.kind)
def test_what_shows_at_once_is_refused_and_nothing_is_done(
    mistake: Mistake, data: Path, environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    words = mistake.spoil(data)
    for name, value in mistake.environment.items():
        environment.setenv(name, value.replace("{data}", str(data)))
    before = everything_in(tmp_path)
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 2, (done.stdout + done.stderr)[-2000:]
    assert isinstance(done.exception, SystemExit)
    require_clear(mistake, data, done.stdout, done.stderr)
    assert everything_in(tmp_path) == before


@pytest.mark.parametrize("mistake", READ, ids=lambda mistake: mistake.kind)
def test_small_data_are_read_to_their_end_before_anything_is_done(
    mistake: Mistake, data: Path, environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    words = mistake.spoil(data)
    before = everything_in(tmp_path)
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 2, (done.stdout + done.stderr)[-2000:]
    require_clear(mistake, data, done.stdout, done.stderr)
    assert everything_in(tmp_path) == before


@pytest.fixture(scope="module")
def folders(valid: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A folder of its own for each mistake of the data."""
    place = tmp_path_factory.mktemp("failing")
    every = {mistake.kind: place / f"{number:02}" for number, mistake in enumerate(LATER)}
    for folder in every.values():
        shutil.copytree(valid, folder)
    return every


@pytest.fixture(scope="module")
def outcomes(
    folders: dict[str, Path], prefect_server: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, Any]]:
    """What has become of each call, all in one process and one state folder."""
    place = tmp_path_factory.mktemp("several")
    calls: list[list[str]] = []
    for mistake in LATER:
        calls += [[SWAP]] if mistake.kind == FOREIGN else []
        calls.append(mistake.spoil(folders[mistake.kind]))
    (place / "calls.json").write_text(json.dumps(calls))
    environment = os.environ | {"TEMPER_HOME": str(place / "home"), "COLUMNS": "200"}
    environment |= {"PREFECT_API_URL": prefect_server}
    environment.pop("MLFLOW_TRACKING_URI", None)
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.several", str(place / "calls.json")],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Traceback" not in done.stdout + done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    return {mistake.kind: outcome for mistake, outcome in zip(LATER, found, strict=True)}


@pytest.mark.slow
@pytest.mark.parametrize("mistake", LATER, ids=lambda mistake: mistake.kind)
def test_what_only_the_data_tell_fails_its_stage_and_nothing_comes_of_it(
    mistake: Mistake, folders: dict[str, Path], outcomes: dict[str, dict[str, Any]]
) -> None:
    outcome = outcomes[mistake.kind]
    assert outcome["status"] == 1, (outcome["out"] + outcome["err"])[-2000:]
    require_clear(mistake, folders[mistake.kind], outcome["out"], outcome["err"])
    earlier = STAGES[: STAGES.index(mistake.stage.split()[0])]
    assert {name.split("/")[0] for name in outcome["artifacts"]} <= set(earlier)
    statuses = dict(outcome["runs"])
    parents = [status for name, status in statuses.items() if "tiny · " in name]
    assert parents == ["FAILED"]
    finished = {name.split()[0] for name, status in statuses.items() if status == "FINISHED"}
    assert finished <= set(earlier)
    assert "RUNNING" not in statuses.values()


class NoSuchRepository(BaseHTTPRequestHandler):
    """Answers as the Hub does for a repository that it does not have."""

    def do_GET(self) -> None:
        self.send_response(404)
        self.send_header("X-Error-Code", "RepoNotFound")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing: what it prints would be the test's."""


@pytest.fixture
def hub() -> Iterator[str]:
    """The address of a Hub without any repository."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), NoSuchRepository)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.mark.parametrize("setting", ["corpus.source=hf:a/b", "tokenizer.published=hf:a/b"])
@pytest.mark.parametrize("reached", [True, False])
def test_the_hub_without_the_name_or_out_of_reach_is_told(
    setting: str, reached: bool, hub: str, data: Path, tmp_path: Path
) -> None:
    kind = "dataset" if setting.startswith("corpus") else "model"
    said = f"no {kind} 'a/b' that you can access" if reached else "is unreachable for hf:a/b"
    settings = (setting, "tokenizer.vocab_size=8192")
    mistake = Mistake("the Hub", (setting.partition("=")[0], said), settings=settings)
    address = hub if reached else f"http://127.0.0.1:{free_port()}"
    environment = os.environ | {"HF_ENDPOINT": address, "HF_HUB_OFFLINE": "0"}
    done = subprocess.run(
        [sys.executable, "-m", "flows.commands.main", *mistake.spoil(data)],
        env=environment | {"TEMPER_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 2, done.stdout + done.stderr
    require_clear(mistake, data, done.stdout, done.stderr)
    assert not (tmp_path / "home").exists()


def test_no_kind_is_twice() -> None:
    kinds = [mistake.kind for mistake in REFUSED + FAILING]
    assert len(kinds) == len(set(kinds)) >= 100


def test_an_evaluation_without_a_problem_is_refused_before_the_model_is_looked_for(
    home: Path, tmp_path: Path
) -> None:
    file = write_experiment(tmp_path / "data")
    done = CliRunner().invoke(app, ["evaluate", "models:/nowhere/1", str(file)])
    assert done.exit_code == 2
    assert "--problem: choose one problem of tiny: mood, names" in done.output
    assert "nowhere" not in done.output
