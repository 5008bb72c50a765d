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
import functools
import os
import re
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Annotated, TextIO

import psutil
from prefect.settings import PREFECT_API_URL, PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS
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
from tasks.machinery.servers.prefect_server import command

if TYPE_CHECKING:
    from prefect.server.api.server import SubprocessASGIServer

_ERROR = re.compile(r"^([\w.]+\.)?\w*(Error|Exception): |\[Errno")
_ATTEMPTS = 3  # another process may take the port in between
_LOST = "If its run was killed, its server may still run: see `ps aux | grep prefect`"


class _Started(BaseModel):
    """A server, and the run that started it, as `owner.owner_of` gives processes."""

    run: Annotated[str, Field(pattern=PATTERN)]
    server: Annotated[str, Field(pattern=PATTERN)]


def start_temporary_server() -> None:
    """Start the server for this process's flows, unless another one is configured.

    Raises:
        StageError: it does not start; the message has its error.
    """
    if PREFECT_API_URL.value():
        return
    from prefect.server.api import server  # imported late: it takes two seconds

    folder, log = home() / "prefect" / "servers", home() / "prefect" / "server.log"
    started = server.SubprocessASGIServer()  # a singleton: Prefect's clients find it running
    atexit.register(started.stop)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        end_servers_without_a_run(folder)
        log.write_text("")
        for _ in range(_ATTEMPTS):
            _begin(server, started, folder / f"{os.getpid()}.json", log)
            if _answers(started):
                return
            if "address already in use" not in log.read_text(errors="replace"):
                break
    except OSError as problem:
        started.stop()
        raise full_disk(problem, home()) or StageError(
            f"Prefect's server cannot be started in {folder.parent}: {problem}"
        ) from None
    started.stop()
    raise _failure(log)


def _begin(module: ModuleType, started: SubprocessASGIServer, file: Path, log: Path) -> None:
    """Start the server's process, with Prefect's module for it, and record its owner in a file."""
    with log.open("a") as output:  # a file, since an open pipe would outlive a killed run
        popen = functools.partial(_detached, output)
        detached = SimpleNamespace(Popen=popen, TimeoutExpired=subprocess.TimeoutExpired)
        vars(module)["subprocess"] = detached
        started.port = started.find_available_port()
        started.server_process = process = started._run_uvicorn_command()
        started.running = True
    with contextlib.suppress(psutil.NoSuchProcess):
        write_atomically(file, {"run": this_process(), "server": owner_of(process.pid)})
        atexit.register(file.unlink, missing_ok=True)


def _detached(
    output: TextIO, *, args: Sequence[str], env: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """Start the guarded server instead of Prefect's, which answers the pages of any site."""
    return subprocess.Popen(
        command(int(args[args.index("--port") + 1])),
        env=without_working_directory(env),
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
    )


def _answers(started: SubprocessASGIServer) -> bool:
    """Wait until the server answers; False if it ends before or takes too long."""
    process, url = started.server_process, f"{started.api_url}/health"
    begun = time.monotonic()
    patience = PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS.value()
    while process is not None and process.poll() is None:
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
