"""A temporary Prefect server for a run that has none: in a session of its own, until the run ends.

Prefect would start it as a child in the same process group. Ctrl-C in a terminal goes to the whole
group, so the server would die first and the flow could not report the interruption. Prefect also
restarts a server that dies at once endlessly and without a message. Here the reason is shown
(`TEMPER_HOME/prefect/server.log` has the full log). A run that is killed leaves its server running
with the database open; the next start stops it.
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import os
import re
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import psutil
from filelock import FileLock, Timeout
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS,
    get_current_settings,
)
from pydantic import BaseModel, Field

from tasks.contract import StageError
from tasks.machinery.host.child import without_working_directory
from tasks.machinery.host.files import write_atomically
from tasks.machinery.host.full_disk import full_disk
from tasks.machinery.host.home import home
from tasks.machinery.host.owner import (
    FORGOTTEN,
    PATTERN,
    is_alive,
    is_here,
    owner_of,
    pid_of,
    this_process,
)
from tasks.machinery.host.small_files import read_small
from tasks.machinery.servers.databases import databases, is_damage, remedy
from tasks.machinery.servers.listening import LOOPBACK
from tasks.machinery.servers.prefect_server import command

_ERROR = re.compile(r"^([\w.]+\.)?\w*(Error|Exception): |\[Errno")
# What Prefect sets for a server of its own: it serves no pages.
_EPHEMERAL = {
    "PREFECT_UI_ENABLED": "0",
    "PREFECT__SERVER_EPHEMERAL": "1",
    "PREFECT__SERVER_FINAL": "1",
}
_ATTEMPTS = 3  # another process may take the port in between
_PATIENCE = 120.0  # seconds that another process has to create the database
_LOST = "If its run was killed, its server may still run: see `ps aux | grep prefect`"


class _Started(BaseModel):
    """A server, and the run that started it, as `owner.owner_of` gives processes."""

    run: Annotated[str, Field(pattern=PATTERN)]
    server: Annotated[str, Field(pattern=PATTERN)]


class TemporaryServer:
    """The server of this process's flows, unless another one is configured.

    It starts when this object is made, and takes seconds that the caller can use for something else
    before `wait`.

    Raises:
        StageError: its process cannot be started.
    """

    def __init__(self) -> None:
        self._folder = home() / "prefect" / "servers"
        self._log = home() / "prefect" / "server.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        if PREFECT_API_URL.value():
            return
        with self._explained():
            self._folder.mkdir(parents=True, exist_ok=True)
            # Servers that fill the same new database at once fail at each other's tables.
            self._alone = FileLock(self._folder.parent / "first.lock", thread_local=False)
            with contextlib.suppress(StageError, Timeout):  # its own message follows
                if databases()[1].state() != "current":
                    self._alone.acquire(timeout=_PATIENCE)
            end_servers_without_a_run(self._folder)
            self._log.write_text("")
            self._begin()

    def wait(self) -> None:
        """Wait until the server answers, and let Prefect's clients find it.

        Raises:
            StageError: it does not start; the message has its error.
        """
        if self._process is None:
            return
        from prefect.server.api.server import SubprocessASGIServer  # it takes five seconds

        found = SubprocessASGIServer()  # a singleton, which a client looks for
        atexit.register(found.stop)
        with self._explained(), contextlib.ExitStack() as ends:
            ends.callback(self._alone.release)
            for attempt in range(_ATTEMPTS):
                if attempt:
                    self._begin()
                found.port, found.server_process, found.running = self._port, self._process, True
                if _answers(self._process, f"{found.api_url}/health"):
                    return
                if "address already in use" not in self._log.read_text(errors="replace"):
                    break
        found.stop()
        raise _failure(self._log)

    def _begin(self) -> None:
        """Start the server's process, and record its owner in a file."""
        self._port = _free_port()
        environment = os.environ | _EPHEMERAL
        environment |= get_current_settings().to_environment_variables(exclude_unset=True)
        with self._log.open("a") as output:  # a file: an open pipe would outlive a killed run
            self._process = process = subprocess.Popen(
                command(self._port),
                env=without_working_directory(environment),
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        atexit.register(process.terminate)
        with contextlib.suppress(psutil.NoSuchProcess):
            file = self._folder / f"{os.getpid()}.json"
            write_atomically(file, {"run": this_process(), "server": owner_of(process.pid)})
            atexit.register(file.unlink, missing_ok=True)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """Stop the server at an error of the disk, and name the folder."""
        try:
            yield
        except OSError as problem:
            if self._process is not None:
                self._process.terminate()
            raise full_disk(problem, home()) or StageError(
                f"Prefect's server cannot be started in {self._folder.parent}: {problem}"
            ) from None

    @property
    def has_ended(self) -> bool:
        """Whether its process was started, and does not run any more."""
        return self._process is not None and self._process.poll() is not None


_servers: dict[Path, TemporaryServer] = {}


def temporary_server() -> TemporaryServer:
    """The server of this process for its state folder: a notebook runs many flows on one.

    Raises:
        StageError: its process cannot be started.
    """
    found = _servers.get(home())
    if found is None or found.has_ended:
        found = _servers[home()] = TemporaryServer()
    return found


def _free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK[0], 0))
        return int(probe.getsockname()[1])


def _answers(process: subprocess.Popen[bytes], url: str) -> bool:
    """Wait until the server answers; False if it ends before or takes too long."""
    begun = time.monotonic()
    patience = PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS.value()
    while process.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=2):
            return process.poll() is None  # if it has ended, another server answers at that port
        if time.monotonic() - begun > patience:
            return False
        time.sleep(0.1)
    return False


def _failure(log: Path) -> StageError:
    """Why the server did not start."""
    words = words_of(log)
    silent = (
        not words and shutil.disk_usage(home()).free < 2**20
    )  # the disk is too full even for a log
    if is_damage(words):
        return StageError(
            f"Prefect's server did not start: its database is damaged ({words}; by default it is "
            f"{databases()[1].file}); {remedy()}. The full log is {log}"
        )
    problem = OSError(errno.ENOSPC, "no space left") if silent else RuntimeError(words)
    return full_disk(problem, home()) or StageError(
        f"Prefect's server did not start: {words or 'it ended, or did not answer in time'}. "
        f"The full log is {log}. Fix the cause, or start a server (`prefect server start`) and "
        "set PREFECT_API_URL to its address"
    )


def words_of(log: Path) -> str:
    """The first error in the server's log, which caused the others; else the last line."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines()]
    errors = [line for line in lines if _ERROR.search(line)]
    said = errors[:1] or [line for line in lines if line][-1:]
    return said[0].rpartition(" | ")[2][:300] if said else ""


def end_servers_without_a_run(folder: Path) -> None:
    """Stop the servers whose run has ended. Those on another host are stopped there."""
    for file in folder.glob("*.json"):
        try:
            found, seen = read_small(file, _Started.model_validate, _LOST), file.stat().st_mtime
        except OSError:  # removed by another start, or unreadable now
            continue
        if found is None:
            continue
        here, gone = is_here(found.server), not is_alive(found.run, seen)
        if here and gone and is_alive(found.server, seen):
            with contextlib.suppress(psutil.Error):
                psutil.Process(pid_of(found.server)).terminate()
        if gone if here else time.time() - seen > FORGOTTEN:
            file.unlink(missing_ok=True)
