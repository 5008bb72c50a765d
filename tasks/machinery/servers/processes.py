"""Starting a server in a session of its own, and stopping it with all that it started.

Ctrl-C in a terminal goes to every process of the terminal's session, and the servers must outlive
the flows that still report their end to them. The children of a server are in its session too, so
they are found even after the server itself was killed.
"""

from __future__ import annotations

import contextlib
import errno
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
_REST = 10.0  # seconds that the remaining processes of a server have to stop


def start(
    name: Name,
    command: Sequence[str],
    environment: Mapping[str, str],
    address: str,
    log: Path,
    *,
    place: Path,
) -> Program:
    """Start a program in the background, in a folder. Its output goes to a log, which is kept."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.is_file():
        log.replace(log.with_name(f"{log.name}.1"))
    with log.open("w") as output:
        process = subprocess.Popen(
            command,
            env=dict(environment),
            cwd=place,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    return Program(name=name, owner=owner_of(process.pid), address=address, log=log)


def session_of(program: Program) -> list[psutil.Process]:
    """The processes of a program: itself first, then those that it started."""
    found: list[psutil.Process] = []
    with contextlib.suppress(psutil.NoSuchProcess):
        if owner_of(program.pid) != program.owner:  # the pid was reused by another process
            return found
    for process in psutil.process_iter():
        with contextlib.suppress(OSError, psutil.Error):
            ours = os.getsid(process.pid) == program.pid
            if ours and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return sorted(found, key=lambda each: each.pid != program.pid)


def end(program: Program, patience: float, hurry: Callable[[], bool] = lambda: False) -> bool:
    """Stop a program: first itself, so that it can stop its children, then the rest of its session.

    Args:
        program: the program.
        patience: seconds that it has; then it is killed.
        hurry: polled; true kills it now.

    Returns:
        Whether all processes stopped without being killed.
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
    """Reap a child that has ended: until then it stays in the process table."""
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


def check_port(port: int, option: str, address: str = "127.0.0.1") -> None:
    """Check that a server can listen on a port of an address of this machine.

    Raises:
        StageError: another process does, which the message names if it is visible; or the address
            is none of this machine.
    """
    try:
        family, _, _, _, place = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror:
        raise StageError(f"--listen {address}: no such address or host name") from None
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(place)
        except OSError as problem:
            if problem.errno == errno.EADDRNOTAVAIL:
                raise StageError(
                    f"--listen {address}: not an address of this machine; accepted: one that it "
                    "has, or 0.0.0.0 for all of them"
                ) from None
            holder = _holder(port)
            raise StageError(
                f"port {port} cannot be used ({holder or problem.strerror}). Stop that process, or "
                f"choose another port with {option}"
            ) from None


def _holder(port: int) -> str:
    """The process that listens on a port; empty if it is not visible."""
    with contextlib.suppress(psutil.Error, OSError):
        for found in psutil.net_connections(kind="tcp"):
            where = found.laddr
            if found.status == psutil.CONN_LISTEN and where and where.port == port and found.pid:
                words = " ".join(psutil.Process(found.pid).cmdline())
                return f"process {found.pid} listens on it: {words[:100]}"
    return ""


def last_words(log: Path) -> str:
    """The last line of a program's log that looks like an error; else its last line."""
    try:
        lines = [each.strip() for each in log.read_text(errors="replace").splitlines()]
    except OSError:
        return "no output"
    lines = [each for each in lines if each]
    reasons = [each for each in lines if _ERROR.search(each)]
    return (reasons or lines or ["no output"])[-1][:300]
