"""Who owns something that outlives a process: a run in MLflow, a server, a folder being written.

An owner is `host:pid:start`: a pid alone comes round again. On this host the process table says
whether it lives. Another host cannot be asked: its owner says "alive" every minute where what it
owns is kept, and counts as gone once it has been silent for nine (`LEASE`).
"""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import psutil

BEAT = 60.0  # seconds between two signs of life
LEASE = 540.0  # seconds of silence after which an owner on another host counts as gone
FORGOTTEN = 30 * 24 * 3600.0  # seconds after which what nobody has asked for is not kept in mind


def this_process() -> str:
    """Host, pid and start of this process."""
    return owner_of(os.getpid())


def owner_of(pid: int) -> str:
    """Host, pid and start of a process."""
    return f"{socket.gethostname()}:{pid}:{_start_of(pid)}"


def _start_of(pid: int) -> str:
    """When a process started, in words that no setting of the clock changes.

    Raises:
        psutil.NoSuchProcess: there is none, or it has ended and its parent has not looked yet.
    """
    process = psutil.Process(pid)
    if process.status() == psutil.STATUS_ZOMBIE:
        raise psutil.NoSuchProcess(pid)
    stat, boot = Path(f"/proc/{pid}/stat"), Path("/proc/sys/kernel/random/boot_id")
    try:
        ticks = stat.read_text().rpartition(")")[2].split()[19]  # field 22: proc_pid_stat(5)
        return f"{boot.read_text()[:8]}-{ticks}"
    except OSError:  # no such file system here: the clock has to do
        return f"{process.create_time():.0f}"


def pid_of(owner: str) -> int:
    """The process id of an owner, which means something on its host alone."""
    return int(owner.rsplit(":", 2)[1])


def is_here(owner: str) -> bool:
    """Whether an owner is on this host."""
    return owner.rsplit(":", 2)[0] == socket.gethostname()


def is_alive(owner: str, seen: float) -> bool:
    """Whether an owner still lives.

    Args:
        owner: as `owner_of` gives it.
        seen: when it last said so, in seconds since the epoch: asked of other hosts only.
    """
    if not owner:  # it let go
        return False
    _, pid, started = owner.rsplit(":", 2)
    if not is_here(owner):
        return time.time() - seen < LEASE
    try:
        return _start_of(int(pid)) == started
    except psutil.NoSuchProcess:
        return False
