"""The owner of something that outlives a process: a run in MLflow, a server, a folder.

An owner is `host:pid:start`, since pids are reused. On this host the process table says whether it
is alive. An owner on another host updates the time of a file every minute, and counts as dead after
nine minutes without an update (`LEASE`).
"""

from __future__ import annotations

import os
import re
import socket
import time
from pathlib import Path

import psutil

BEAT = 60.0  # seconds between two heartbeats
LEASE = 540.0  # seconds without a heartbeat after which an owner on another host counts as dead
FORGOTTEN = 30 * 24 * 3600.0  # seconds after which unused entries are deleted


PATTERN = r"^.+:\d+:[^:]+$"


def this_process() -> str:
    """Host, pid and start of this process."""
    return owner_of(os.getpid())


def owner_of(pid: int) -> str:
    """Host, pid and start of a process."""
    return f"{socket.gethostname()}:{pid}:{_start_of(pid)}"


def _start_of(pid: int) -> str:
    """When a process started, as text that does not depend on the system clock.

    Raises:
        psutil.NoSuchProcess: it does not exist, or it is a zombie.
    """
    process = psutil.Process(pid)
    if process.status() == psutil.STATUS_ZOMBIE:
        raise psutil.NoSuchProcess(pid)
    stat, boot = Path(f"/proc/{pid}/stat"), Path("/proc/sys/kernel/random/boot_id")
    try:
        ticks = stat.read_text().rpartition(")")[2].split()[19]  # field 22: proc_pid_stat(5)
        return f"{boot.read_text()[:8]}-{ticks}"
    except OSError:  # no /proc on this system: use the clock
        return f"{process.create_time():.0f}"


def pid_of(owner: str) -> int:
    """The process id of an owner, valid only on its host."""
    return int(owner.rsplit(":", 2)[1])


def is_here(owner: str) -> bool:
    """Whether an owner is on this host."""
    return owner.rsplit(":", 2)[0] == socket.gethostname()


def is_alive(owner: str, seen: float) -> bool:
    """Whether an owner is alive.

    Args:
        owner: as `owner_of` gives it.
        seen: time of its last heartbeat, in seconds since the epoch; used for other hosts only.
    """
    if not owner:  # it released its claim
        return False
    if not re.match(PATTERN, owner):  # a tag that somebody wrote: its heartbeat is all there is
        return time.time() - seen < LEASE
    _, pid, started = owner.rsplit(":", 2)
    if not is_here(owner):
        return time.time() - seen < LEASE
    try:
        return _start_of(int(pid)) == started
    except psutil.NoSuchProcess:
        return False
