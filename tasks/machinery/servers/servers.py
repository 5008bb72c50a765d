"""How other processes find the servers that `temper up` started on this state folder.

    TEMPER_HOME/servers.json    the process of `temper up`, its programs and their addresses

A process is identified by pid and start time, since pids are reused. A server counts only while
that process is alive and answers, so a file left by a crash does no harm.

Imports are light: every command reads this before it imports anything heavy.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import time
import urllib.request
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from tasks.machinery.host.files import write_atomically
from tasks.machinery.host.home import home, own_database
from tasks.machinery.host.owner import PATTERN, is_alive, is_here, pid_of
from tasks.machinery.host.small_files import read_small

Name = Literal["prefect", "mlflow", "serving"]

TITLES: dict[Name, str] = {
    "prefect": "Prefect server",
    "mlflow": "MLflow server",
    "serving": "serving process",
}
HEALTH: dict[Name, str] = {"prefect": "/api/health", "mlflow": "/health", "serving": ""}
PREFECT_PORT, MLFLOW_PORT = 4200, 5000  # the default ports
SILENCE = 180.0  # seconds without a heartbeat after which a serving process counts as unhealthy
_PATIENCE = 3.0  # seconds that a server may take to answer a health check


class Program(BaseModel):
    """One process that `temper up` started.

    Attributes:
        name: which of the three.
        owner: the process, as `owner.owner_of` gives it.
        address: its URL; empty for the process that serves deployments.
        log: the file with its output.
    """

    name: Name
    owner: Annotated[str, Field(pattern=PATTERN)]
    address: str
    log: Path

    @property
    def pid(self) -> int:
        """Its process id."""
        return pid_of(self.owner)

    @property
    def is_alive(self) -> bool:
        """Whether that process is running."""
        return is_here(self.owner) and is_alive(self.owner, 0)

    @property
    def is_healthy(self) -> bool:
        """Whether it is running and answers its health check."""
        if not self.is_alive:
            return False
        return answers(f"{self.address}{HEALTH[self.name]}") if self.address else self._shows_life()

    def _shows_life(self) -> bool:
        lost = "The serving process writes it again"
        try:
            owner = read_small(life_file(), owner_in, lost)
            seen = life_file().stat().st_mtime
        except OSError:
            return False
        return owner == self.owner and time.time() - seen < SILENCE


class Servers(BaseModel):
    """What `temper up` started.

    Attributes:
        owner: the process of `temper up`.
        since: when it was started, in seconds since the epoch.
        runs_at_once: how many trainings run at a time.
        programs: the programs started so far, in order.
        stopping: it is being stopped, and the runs on its servers with it.
    """

    owner: Annotated[str, Field(pattern=PATTERN)]
    since: float
    runs_at_once: int = 1
    programs: list[Program] = []
    stopping: bool = False

    def program(self, name: Name) -> Program | None:
        """One of its programs; None if it is not started."""
        return next((each for each in self.programs if each.name == name), None)

    @property
    def pid(self) -> int:
        """The process id of `temper up`."""
        return pid_of(self.owner)

    @property
    def is_here(self) -> bool:
        """Whether it was started on this host."""
        return is_here(self.owner)

    @property
    def is_up(self) -> bool:
        """Whether `temper up` is running."""
        return self.is_here and is_alive(self.owner, 0)

    def write(self) -> None:
        """Write the current state to its file."""
        write_atomically(state_file(), self.model_dump(mode="json"))


def state_file() -> Path:
    """The file in which `temper up` records its programs."""
    return home() / "servers.json"


def life_file() -> Path:
    """The file that the serving process touches as a heartbeat."""
    return home() / "serving.json"


def owner_in(values: dict[str, Any]) -> str:
    """The owner in the life file."""
    return str(values["owner"])


def read_servers() -> Servers | None:
    """What `temper up` recorded in the state folder; None if there is no readable file."""
    lost = "`temper up` writes it again if it is running"
    with contextlib.suppress(OSError):
        return read_small(state_file(), Servers.model_validate, lost)
    return None


def forget_servers() -> None:
    """Delete the record of a `temper up` that has stopped."""
    state_file().unlink(missing_ok=True)
    life_file().unlink(missing_ok=True)


def answers(url: str) -> bool:
    """Whether a server answers the health check at this address."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # local: no proxy
    try:
        with direct.open(url, timeout=_PATIENCE) as answer:
            return bool(answer.status == 200)
    except (OSError, http.client.HTTPException):  # no server, or another program
        return False


def addresses() -> tuple[dict[str, str], str]:
    """The addresses of healthy servers as environment variables, and a line on what is wrong.

    Both servers or neither: one alone would split a run between two places.
    """
    servers = read_servers()
    if servers is None:
        return {}, ""
    prefect, mlflow = servers.program("prefect"), servers.program("mlflow")
    if prefect is None or mlflow is None:
        return {}, "`temper up` is still starting: continuing without its servers" * servers.is_up
    for program in (prefect, mlflow):
        if not program.is_healthy:
            does = "does not answer" if program.is_alive else "has stopped"
            return {}, (
                f"the {TITLES[program.name]} of `temper up` at {program.address} {does}: continuing"
                f" without the servers (see `temper status`; its log is {program.log})"
            )
    return {
        "PREFECT_API_URL": f"{prefect.address}/api",
        "MLFLOW_TRACKING_URI": mlflow.address,
    }, ""


def are_stopping() -> bool:
    """Whether this process uses the servers of a `temper up` that is stopping."""
    servers = read_servers()
    return servers is not None and servers.stopping and uses_temper_up()


def uses_temper_up() -> bool:
    """Whether this process uses the Prefect server of a `temper up` on this state folder."""
    servers = read_servers()
    prefect = servers.program("prefect") if servers else None
    return prefect is not None and os.environ.get("PREFECT_API_URL", "").startswith(prefect.address)


def database_behind(uri: str) -> str:
    """The MLflow behind an address, as records and ledgers name it.

    The server of `temper up` and its database are the same MLflow: runs recorded through one are
    visible through the other.
    """
    servers = read_servers() if uri.startswith("http") else None
    mlflow = servers.program("mlflow") if servers else None
    return own_database() if mlflow and mlflow.address == uri.rstrip("/") else uri
