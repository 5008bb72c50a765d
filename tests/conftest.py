"""What the tests share: state folders of their own, one Prefect server, and where real data is."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

ROOT = Path(__file__).parent.parent
SHARING = ("tests/browser/", "tests/proofs/up/", "tests/team/")  # folders whose files share servers
# Files that take minutes, the longest first: what begins last must not be what the rest waits for.
LONGEST = (
    "tests/proofs/up/",
    "tests/team/",
    "tests/browser/",
    "tests/test_laws.py",
    "tests/proofs/test_demo.py",
    "tests/proofs/test_outage.py",
    "tests/proofs/test_survival.py",
    "tests/proofs/test_resume.py",
    "tests/problems/test_adding.py",
    "tests/flows/test_added.py",
    "tests/flows/test_retrain.py",
    "tests/flows/test_retrain_images.py",
    "tests/flows/test_experiment.py",
    "tests/flows/test_masks_and_boxes.py",
    "tests/flows/test_compare.py",
    "tests/flows/commands/",
    "tests/flows/serving/",
    "tests/flows/",
    "tests/problems/",
    "tests/machinery/",
)
SESSION_HOME = Path(tempfile.mkdtemp(prefix="temper-tests-"))

# Prefect and MLflow read their settings when they are imported: before any test module is.
# Each process of a parallel run has folders of its own, whatever the one that started it has.
FOLDERS = ("PREFECT_HOME", "PREFECT_LOCAL_STORAGE_PATH", "HF_DATASETS_CACHE")
for name in ("PREFECT_API_URL", "MLFLOW_TRACKING_URI", "TEMPER_VERSIONS", *FOLDERS):
    os.environ.pop(name, None)
os.environ["TEMPER_HOME"] = str(SESSION_HOME)
os.environ["HF_HUB_OFFLINE"] = "1"
# Tiny models gain nothing from threads, and lose much where another process wants the same cores.
os.environ["OMP_NUM_THREADS"] = "1"
# Started in the background of a shell, tests and their children would ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)
os.environ["PREFECT_LOGGING_TO_API_ENABLED"] = "false"  # its flush waits for a server that is gone

from tasks.machinery.host.home import make_home  # noqa: E402
from tasks.machinery.servers.environment import prepare_environment  # noqa: E402

prepare_environment()
make_home()
del os.environ["MLFLOW_TRACKING_URI"]  # it follows TEMPER_HOME, which each test may have of its own


class Scheduling(LoadFileScheduling):
    """A file's tests run on one worker, and so do those of a folder whose files share servers.

    Files are begun in the order in which they are collected (`pytest_collection_modifyitems`).
    """

    def __init__(self, config: pytest.Config, log: Any = None) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False  # it would begin with the files of most tests

    def _split_scope(self, nodeid: str) -> str:
        folders = (folder for folder in SHARING if nodeid.startswith(folder))
        return next(folders, super()._split_scope(nodeid))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling | None:
    """With `--dist loadfile`, this project's own scheduling."""
    return Scheduling(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what takes longest first: `LONGEST`, then files of many tests. `SHARING` keep theirs."""
    files = Counter(item.nodeid.partition("::")[0] for item in items)

    def rank(item: pytest.Item) -> tuple[int, int]:
        file = item.nodeid.partition("::")[0]
        places = (n for n, long in enumerate(LONGEST) if file.startswith(long))
        many = 0 if file.startswith(SHARING) else files[file]
        return next(places, len(LONGEST)), -many

    items.sort(key=rank)


@pytest.fixture(autouse=True)
def signals_of_this_test() -> Iterator[None]:
    """What a test does on Ctrl-C and the like is not done in those after it."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in before.items():
        if signal.getsignal(number) is not handler:
            signal.signal(number, handler)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with real data sets, or a skip where this machine has none."""
    folder = Path(os.environ.get("TEMPER_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}: set TEMPER_TEST_DATA")
    return folder


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty state folder for this test alone."""
    folder = tmp_path / "home"
    monkeypatch.setenv("TEMPER_HOME", str(folder))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)  # MLflow sets it; it is to follow
    make_home()
    return folder


@pytest.fixture(scope="session")
def mlflow_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLflow's database without a run: to make one takes seconds, to copy one takes none."""
    from tasks.machinery.tracking.tracking import make_database

    folder = tmp_path_factory.mktemp("mlflow-template")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TEMPER_HOME", str(folder))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        make_database()
    return folder / "mlflow.db"


@pytest.fixture
def mlflow_database(home: Path, mlflow_template: Path) -> Path:
    """MLflow's database in the state folder of this test, as `make_database` makes it."""
    made = shutil.copy(mlflow_template, home / "mlflow.db")
    with contextlib.closing(sqlite3.connect(made)) as database, database:
        default = f"{(home / 'mlartifacts').as_uri()}/0"
        database.execute("UPDATE experiments SET artifact_location = ?", [default])
    return made


@contextlib.contextmanager
def small_disk_at(folder: Path, megabytes: int) -> Iterator[Path]:
    """A disk of its own in an empty folder; a skip where this process may not mount one."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("this process may not mount a disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[str]:
    """The address of a Prefect server, one for all tests: each temporary one would take seconds."""
    port = free_port()
    address = f"http://127.0.0.1:{port}/api"
    command = [sys.executable, "-m", "prefect", "server", "start", "--port", str(port)]
    log = (SESSION_HOME / "server.log").open("w")
    server = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _wait_for(f"{address}/health", server)
        yield address
    finally:
        server.terminate()
        server.wait(timeout=30)


def _wait_for(address: str, server: subprocess.Popen[bytes], seconds: float = 300) -> None:
    for _ in range(int(seconds * 5)):
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except OSError:
            if server.poll() is not None:
                break
            time.sleep(0.2)
    raise RuntimeError(f"no Prefect server: {(SESSION_HOME / 'server.log').read_text()[-2000:]}")


@pytest.fixture
def prefect(prefect_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Flows of this test, and of its child processes, talk to the tests' Prefect server."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    monkeypatch.setenv("PREFECT_API_URL", prefect_server)
    with temporary_settings({PREFECT_API_URL: prefect_server}):
        yield prefect_server
