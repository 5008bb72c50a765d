"""A state folder with `temper up` on it, on ports of its own: what tests of it share."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterTags
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.presets.loading import load_experiment
from tasks.machinery.servers.servers import Servers
from tests.conftest import free_port
from tests.support.command import Command
from tests.support.database import make_state_folder

TRAP = """
from pathlib import Path
Path({marker!r}).touch()
raise RuntimeError("a person's file was imported in place of Temper's")
"""
ENDED = (StateType.COMPLETED, StateType.FAILED, StateType.CRASHED, StateType.CANCELLED)


class Up:
    """A state folder, and `temper up` on it."""

    def __init__(self, folder: Path, file: Path) -> None:
        self.folder, self.home, self.file = folder, folder / "home", file
        self.work = folder / "work"
        write_traps(self.work)
        make_state_folder(self.home)
        self.ports = (free_port(), free_port())
        self.process: Command | None = None

    def environment(self) -> dict[str, str]:
        unset = ("PREFECT_API_URL", "MLFLOW_TRACKING_URI", "PREFECT_HOME")
        unset += ("PREFECT_LOCAL_STORAGE_PATH", "PREFECT_LOGGING_TO_API_ENABLED")
        found = {name: value for name, value in os.environ.items() if name not in unset}
        return found | {"TEMPER_HOME": str(self.home)}

    def popen(self, *words: str, log_name: str = "") -> Command:
        log = self.folder / f"{log_name or words[0]}.txt"
        return Command(*words, environment=self.environment(), folder=self.work, log=log)

    def temper(self, *words: str, log_name: str = "") -> tuple[int, str]:
        status = self.popen(*words, log_name=log_name).wait(timeout=240)
        return status, self.said(log_name or words[0])

    def said(self, log_name: str) -> str:
        return (self.folder / f"{log_name}.txt").read_text()

    def start(self, *words: str) -> None:
        prefect, mlflow = map(str, self.ports)
        self.process = self.popen("up", "--prefect-port", prefect, "--mlflow-port", mlflow, *words)
        wait_until(lambda: "Ctrl-C" in self.said("up") or self.process.poll() is not None, 60)
        assert self.process.poll() is None, self.said("up")

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def stop(self, number: int = signal.SIGINT) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(timeout=180)

    def state(self) -> Servers:
        return Servers.model_validate_json((self.home / "servers.json").read_text())

    def ended(self) -> list[FlowRun]:
        """The runs of `retrain` that have ended, in the order of the times they were due."""
        tagged = FlowRunFilter(tags=FlowRunFilterTags(all_=["retrain"]))
        with self.client() as client:
            found = client.read_flow_runs(
                flow_run_filter=tagged, sort=FlowRunSort.EXPECTED_START_TIME_ASC
            )
        return [run for run in found if run.state_type in ENDED]

    def client(self) -> SyncPrefectClient:
        return get_client(sync_client=True)

    def trigger(self, **pretraining: int) -> FlowRun:
        """Start a run of the blank deployment as the UI does."""
        settings = [f"pretraining.{name}={value}" for name, value in pretraining.items()]
        form = load_experiment(str(self.file), settings).model_dump(mode="json")
        with self.client() as client:
            blank = client.read_deployment_by_name("experiment/blank")
            return client.create_flow_run_from_deployment(blank.id, parameters={"experiment": form})

    def flow_run(self, flow_run_id: UUID) -> FlowRun:
        with self.client() as client:
            return client.read_flow_run(flow_run_id)

    def wait_for(self, flow_run: FlowRun, seconds: float = 240) -> FlowRun:
        """Wait until a flow run has ended."""
        self._wait_until(lambda: self.flow_run(flow_run.id).state_type in ENDED, seconds)
        return self.flow_run(flow_run.id)

    def in_training(self) -> set[Path]:
        """The pre-trainings that are not complete, each a folder of the store."""
        return {file.parent for file in (self.home / "store" / "pretraining").glob("*/writing")}

    def wait_for_training(self, before: set[Path]) -> Path:
        """Wait until a pre-training that was not there before logs steps; its folder."""
        self._wait_until(lambda: self.in_training() > before, 60)
        [new] = self.in_training() - before
        curve = new / "metrics.jsonl"
        self._wait_until(lambda: curve.exists() and curve.read_bytes().count(b"\n") >= 10, 60)
        return new

    def _wait_until(self, done: Callable[[], bool], seconds: float) -> None:
        """Wait; where it does not come, the error shows what the serving process last logged."""
        try:
            wait_until(done, seconds)
        except AssertionError as error:
            log = self.home / "logs" / "serving.log"
            error.add_note(log.read_text()[-5000:] if log.exists() else "nothing was served")
            raise

    def listening(self) -> list[int]:
        return [port for port in self.ports if is_taken(port)]


def write_traps(folder: Path) -> None:
    """A `tasks.py` and a package `flows` of a person; `ran` appears where one is imported."""
    (folder / "flows").mkdir(parents=True, exist_ok=True)
    for name in ("tasks.py", "flows/__init__.py"):
        (folder / name).write_text(TRAP.format(marker=str(folder / "ran")))


def is_taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(done: Callable[[], bool], seconds: float) -> None:
    """Wait for what takes so long at most, and several times that on a machine that is busy."""
    until = time.monotonic() + 4 * seconds
    while not done():
        assert time.monotonic() < until, "it never came"
        time.sleep(0.5)


@contextmanager
def up_on(folder: Path, file: Path) -> Iterator[Up]:
    """A state folder in a folder, and the experiment of a file; afterwards nothing of it runs."""
    found = Up(folder, file)
    with temporary_settings({PREFECT_API_URL: f"http://127.0.0.1:{found.ports[0]}/api"}):
        try:
            yield found
            if found.is_running:
                found.stop()
        finally:
            found.temper("down")
