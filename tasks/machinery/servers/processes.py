"""Starting a server in a session of its own, and ending all that it started.

A session of its own: Ctrl-C in a terminal goes to everything in the terminal's session, and servers
must outlive the flows that are still to tell them how they ended. What a server starts is in its
session too, so it is found there even after the server itself was killed.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil

from tasks.contract import StageError
from tasks.machinery.host.owner import owner_of
from tasks.machinery.servers.servers import Name, Program

_ERROR = re.compile(
    r"(^|[\s.])\w*(Error|Exception)\b:|\[Errno|^Error:|unable|cannot", re.IGNORECASE
)
_REST = 10.0  # seconds that what a server left behind has to end


def start(
    name: Name, command: Sequence[str], environment: Mapping[str, str], address: str, log: Path
) -> Program:
    """Start a program in the background; what it says goes to a log, the last one is kept once."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.is_file():
        log.replace(log.with_name(f"{log.name}.1"))
    with log.open("w") as output:
        process = subprocess.Popen(
            command,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    return Program(name=name, owner=owner_of(process.pid), address=address, log=log)


def session_of(program: Program) -> list[psutil.Process]:
    """The processes of a program: itself, and what it started. Itself comes first."""
    found: list[psutil.Process] = []
    with contextlib.suppress(psutil.NoSuchProcess):
        if (
            owner_of(program.pid) != program.owner
        ):  # the pid has come round again: another's session
            return found
    for process in psutil.process_iter():
        with contextlib.suppress(OSError, psutil.Error):
            ours = os.getsid(process.pid) == program.pid
            if ours and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return sorted(found, key=lambda each: each.pid != program.pid)


def end(program: Program, patience: float, hurry: Callable[[], bool] = lambda: False) -> bool:
    """End a program: it first, so that it can end its own, and then what is left of its session.

    Args:
        program: which.
        patience: seconds that it has; then it is killed.
        hurry: asked again and again: whether it is to be killed now.

    Returns:
        Whether all of it ended without being killed.
    """
    reap(program)
    if program.is_alive:
        _signal([psutil.Process(program.pid)], "terminate")
        _wait(program, lambda: not program.is_alive, patience, hurry)
    if program.is_alive:
        _signal(session_of(program), "kill")
    elif session_of(program):
        _signal(session_of(program), "terminate")
        _wait(program, lambda: not session_of(program), _REST, hurry)
    left = session_of(program)
    _signal(left, "kill")
    _wait(program, lambda: not session_of(program), _REST, lambda: False)
    return not left


def reap(program: Program) -> None:
    """Take note of the end of a child: until then it is still in the process table."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(program.pid, os.WNOHANG)


def _signal(processes: Sequence[psutil.Process], how: str) -> None:
    for process in processes:
        with contextlib.suppress(psutil.Error):
            getattr(process, how)()


def _wait(
    program: Program, done: Callable[[], bool], patience: float, hurry: Callable[[], bool]
) -> None:
    until = time.monotonic() + patience
    while time.monotonic() < until and not hurry():
        reap(program)
        if done():
            return
        time.sleep(0.1)


def check_port(port: int, option: str) -> None:
    """Make sure that nobody listens on a port.

    Raises:
        StageError: somebody does; with who it is, where that can be seen.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as problem:
            holder = _holder(port)
            raise StageError(
                f"port {port} cannot be used ({holder or problem.strerror}). End that, or choose "
                f"another port with {option}"
            ) from None


def _holder(port: int) -> str:
    """Who listens on a port; empty where that cannot be seen."""
    with contextlib.suppress(psutil.Error, OSError):
        for found in psutil.net_connections(kind="tcp"):
            where = found.laddr
            if found.status == psutil.CONN_LISTEN and where and where.port == port and found.pid:
                words = " ".join(psutil.Process(found.pid).cmdline())
                return f"process {found.pid} listens there: {words[:100]}"
    return ""


def last_words(log: Path) -> str:
    """What a program said last that looks like a reason; else its last line."""
    try:
        lines = [each.strip() for each in log.read_text(errors="replace").splitlines()]
    except OSError:
        return "no word"
    lines = [each for each in lines if each]
    reasons = [each for each in lines if _ERROR.search(each)]
    return (reasons or lines or ["no word"])[-1][:300]
