"""The servers that `temper up` started on this state folder: how others find them.

    TEMPER_HOME/servers.json    which process runs `temper up`, and which programs it started where

A process is named with its start, as a pid alone comes round again; a server counts only while it
is that process, and answers. So a file that a crash left behind misleads nobody.

Light on purpose: every command reads this before it imports anything heavy.
"""

from __future__ import annotations

import http.client
import json
import os
import time
import urllib.request
from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from tasks.machinery.host.files import write_atomically
from tasks.machinery.host.home import home, own_database
from tasks.machinery.host.owner import is_alive, is_here, pid_of

Name = Literal["prefect", "mlflow", "serving"]

TITLES: dict[Name, str] = {
    "prefect": "Prefect server",
    "mlflow": "MLflow server",
    "serving": "serving process",
}
HEALTH: dict[Name, str] = {"prefect": "/api/health", "mlflow": "/health", "serving": ""}
PREFECT_PORT, MLFLOW_PORT = 4200, 5000  # where they listen unless told otherwise
SILENCE = 180.0  # seconds after which a serving process that shows no life counts as unhealthy
_PATIENCE = 3.0  # seconds that a server may take to say that it is well


class Program(BaseModel):
    """One process that `temper up` started.

    Attributes:
        name: which of the three.
        owner: the process, as `owner.owner_of` gives it.
        address: where it listens; empty for the one that serves deployments.
        log: the file with all that it says.
    """

    name: Name
    owner: str
    address: str
    log: Path

    @property
    def pid(self) -> int:
        """Its process id."""
        return pid_of(self.owner)

    @property
    def is_alive(self) -> bool:
        """Whether that process still runs."""
        return is_here(self.owner) and is_alive(self.owner, 0)

    @property
    def is_healthy(self) -> bool:
        """Whether it runs, and does what it is for."""
        if not self.is_alive:
            return False
        return answers(f"{self.address}{HEALTH[self.name]}") if self.address else self._shows_life()

    def _shows_life(self) -> bool:
        try:
            facts, seen = json.loads(life_file().read_text()), life_file().stat().st_mtime
        except (OSError, ValueError):
            return False
        return bool(facts.get("owner") == self.owner and time.time() - seen < SILENCE)


class Servers(BaseModel):
    """What `temper up` started.

    Attributes:
        owner: the process of `temper up`.
        since: when it was started, in seconds since the epoch.
        runs_at_once: how many trainings run at a time.
        programs: what it has started so far, in the order in which they are started.
        stopping: it is being stopped, and the runs on its servers with it.
    """

    owner: str
    since: float
    runs_at_once: int = 1
    programs: list[Program] = []
    stopping: bool = False

    def program(self, name: Name) -> Program | None:
        """One of its programs; None where it is not started."""
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
        """Whether `temper up` still runs."""
        return self.is_here and is_alive(self.owner, 0)

    def write(self) -> None:
        """Keep it as it is now."""
        write_atomically(state_file(), self.model_dump(mode="json"))


def state_file() -> Path:
    """Where `temper up` says what it started."""
    return home() / "servers.json"


def life_file() -> Path:
    """What the serving process touches as long as it serves."""
    return home() / "serving.json"


def read_servers() -> Servers | None:
    """What `temper up` says in the state folder; None where there is nothing to read."""
    try:
        return Servers(**json.loads(state_file().read_text()))
    except (OSError, ValueError, TypeError):
        return None


def forget_servers() -> None:
    """Nothing of `temper up` runs any more."""
    state_file().unlink(missing_ok=True)
    life_file().unlink(missing_ok=True)


def answers(url: str) -> bool:
    """Whether a server says at this address that it is well."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # it is on this machine
    try:
        with direct.open(url, timeout=_PATIENCE) as answer:
            return bool(answer.status == 200)
    except (OSError, http.client.HTTPException):  # nobody, or somebody else
        return False


def addresses() -> tuple[dict[str, str], str]:
    """The addresses of healthy servers as environment variables, and what is wrong in a line.

    Both or neither: half of them would put a run's two sides into different places.
    """
    servers = read_servers()
    if servers is None:
        return {}, ""
    prefect, mlflow = servers.program("prefect"), servers.program("mlflow")
    if prefect is None or mlflow is None:
        return {}, "`temper up` is still starting: going on without its servers" * servers.is_up
    for program in (prefect, mlflow):
        if not program.is_healthy:
            does = "does not answer" if program.is_alive else "is gone"
            return {}, (
                f"the {TITLES[program.name]} of `temper up` at {program.address} {does}: going on "
                f"without the servers (`temper status` tells more; it logs to {program.log})"
            )
    return {
        "PREFECT_API_URL": f"{prefect.address}/api",
        "MLFLOW_TRACKING_URI": mlflow.address,
    }, ""


def are_stopping() -> bool:
    """Whether the servers that this process uses are those of a `temper up` that is stopping."""
    servers = read_servers()
    return servers is not None and servers.stopping and uses_temper_up()


def uses_temper_up() -> bool:
    """Whether this process uses the Prefect server of a `temper up` on this state folder."""
    servers = read_servers()
    prefect = servers.program("prefect") if servers else None
    return prefect is not None and os.environ.get("PREFECT_API_URL", "").startswith(prefect.address)


def database_behind(uri: str) -> str:
    """Which MLflow an address leads to, as records and ledgers name it.

    The server of `temper up` and the database that it keeps runs in are one and the same MLflow:
    what was recorded in one is known to the other.
    """
    servers = read_servers() if uri.startswith("http") else None
    mlflow = servers.program("mlflow") if servers else None
    return own_database() if mlflow and mlflow.address == uri.rstrip("/") else uri
