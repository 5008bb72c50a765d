"""Locks on the store's folders: one computation of a fingerprint at a time, on all hosts.

    <fingerprint>.lock         the kernel's lock (flock): released when its owner dies, and never
                               broken while the owner lives, even suspended
    <fingerprint>.lease        the owner, touched as a heartbeat: for hosts that share the folder
                               where the kernel's lock has no effect
    <fingerprint>/owner.json   what waiting processes show

A lease without a heartbeat for its duration, by the clock of the waiting process, is taken over. A
lease that names no owner was left by a kill between its creation and its writing, or by a power
cut: whoever holds the kernel's lock deletes it. An owner that returns too late (a laptop that
slept) notices before anything is stored: see `Lease.check`.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import psutil
from filelock import FileLock, LeaseSettingsMismatch, SoftFileLease, Timeout
from pydantic import BaseModel, ConfigDict

from tasks.contract import StageError
from tasks.machinery.host.files import write_atomically
from tasks.machinery.host.small_files import read_small

LEASE_SECONDS = 60.0  # seconds without a heartbeat after which another host takes over
_AT_ONCE = 0.3  # seconds in which the lease of a dead owner is removed
_UNWRITTEN = 2.0  # seconds after which a lease that names no owner is nobody's
_LOOK_EVERY = 5.0  # seconds between two looks at a lease that another process holds
_LOOKS, _LOOK_AGAIN = 4, 0.1  # a lease is missing for a moment while another process examines it

Waiting = Callable[[str], None]


class Owner(BaseModel):
    """The owner of a folder, as shown to processes that wait for it."""

    model_config = ConfigDict(frozen=True)

    what: str
    process: int
    host: str
    since: datetime

    @classmethod
    def this_process(cls, what: str) -> Owner:
        """This process, from now on."""
        now = datetime.now(UTC)
        return cls(what=what, process=os.getpid(), host=socket.gethostname(), since=now)

    @property
    def is_here(self) -> bool:
        """Whether it is, or was, a process of this host."""
        return self.host == socket.gethostname()

    @property
    def is_gone(self) -> bool:
        """Whether it was killed on this host: its file stays, and its pid may be another's now."""
        if not self.is_here:
            return False
        try:
            return psutil.Process(self.process).create_time() > self.since.timestamp() + 1
        except psutil.NoSuchProcess:
            return True

    def __str__(self) -> str:
        since = self.since.astimezone()
        today = since.date() == datetime.now().astimezone().date()
        begun = since.strftime("%H:%M" if today else "%d %B %H:%M")
        return f"{self.what}: process {self.process} on {self.host}, since {begun}"


class Lease:
    """The right to compute into a folder.

    Attributes:
        folder: the locked folder.
        token: unique for this claim.
    """

    def __init__(self, folder: Path, duration: float, owner: Owner) -> None:
        self.folder, self.owner, self.duration = folder, owner, duration
        self.token = ""
        self._lock = FileLock(beside(folder, ".lock"))
        self._lost = threading.Event()
        self._lease = SoftFileLease(
            beside(folder, ".lease"),
            lease_duration=duration,
            poll_interval=min(1.0, duration / 10),
            on_compromise=lambda _: self._lost.set(),
        )

    def acquire(self, waiting: Waiting | None) -> None:
        """Wait until it is ours; `waiting(words)` is called once if another process owns it."""
        tell = waiting or (lambda _: None)
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            tell(self._wait_for_lock())
            tell = lambda _: None  # noqa: E731
            self._lock.acquire(poll_interval=0.05)
        patience = _AT_ONCE
        while True:
            self._delete_unwritten()
            try:
                self._lease.acquire(timeout=patience)
                break
            except Timeout:
                tell(self._wait_for_lease())
                tell, patience = lambda _: None, _LOOK_EVERY
        self._begin()

    def _wait_for_lock(self) -> str:
        """Whom we wait for, the file that it holds, and what can be done."""
        owner, file = _read_owner(self.folder), self._lock.lock_file
        here = owner is not None and owner.is_here and not owner.is_gone
        find = f"`kill {owner.process}` stops it" if owner and here else f"`fuser {file}` finds it"
        return f"{self.whose()}. It holds {file}; this run continues when it ends ({find})"

    def _wait_for_lease(self) -> str:
        file = self._lease.lock_file
        return (
            f"{self.whose()}. It holds {file}; this run continues when it ends, or "
            f"{self.duration:.0f} s after its last sign of life"
        )

    def _delete_unwritten(self) -> None:
        """Delete a lease that names no owner.

        Call it with the kernel's lock: no process of this host is at work. One on a host that the
        lock does not reach writes its lease within moments of creating it.
        """
        seen, since = None, 0.0
        while (found := _unwritten(Path(self._lease.lock_file))) is not None:
            if found != seen:
                seen, since = found, time.monotonic()
            elif time.monotonic() - since > _UNWRITTEN:
                Path(self._lease.lock_file).unlink(missing_ok=True)
                return
            time.sleep(_LOOK_AGAIN)

    def try_acquire(self) -> bool:
        """Acquire without waiting; returns whether it succeeded.

        For short holds: no owner file is written.
        """
        try:
            self._lock.acquire(timeout=0)
            self._delete_unwritten()
            self._lease.acquire(timeout=_AT_ONCE, poll_interval=0.05)
        except (Timeout, LeaseSettingsMismatch):
            return False
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            # On a full disk no lease can be written: succeed only if no other lease exists.
            return self._lock.is_locked and not beside(self.folder, ".lease").exists()
        return True

    def _begin(self) -> None:
        self.token = self._lease.token or ""
        self.folder.mkdir(parents=True, exist_ok=True)  # it may have been deleted meanwhile
        write_atomically(self.folder / "owner.json", self.owner.model_dump(mode="json"))

    def release(self) -> None:
        """Release the lock; a folder that another process took over is left unchanged."""
        if self.token and _read_owner(self.folder) == self.owner:
            (self.folder / "owner.json").unlink(missing_ok=True)
        self._lease.release()
        self._lock.release()

    def check(self) -> None:
        """Check that it is still ours.

        Raises:
            StageError: another host took it over.
        """
        for _ in range(_LOOKS):
            seen = self._lease.owner
            if not self._lost.is_set() and seen is not None and seen.token == self.token:
                return
            time.sleep(_LOOK_AGAIN)
        raise StageError(
            f"{self.owner.what} was taken over by {self.whose()}, since this process showed no "
            f"activity for {self.duration:.0f} s (was it suspended?). Nothing is corrupted and "
            "nothing was stored: run it again to use the result of the other process"
        )

    def whose(self) -> str:
        """The owner, in words."""
        owner, lease = _read_owner(self.folder), self._lease.owner
        if owner is not None and (lease is None or lease.pid == owner.process):
            if owner.is_gone:
                return "another process"  # it has not said yet who it is
            return "no process any more" if owner == self.owner else str(owner)
        if lease is not None:
            return f"process {lease.pid} on {lease.hostname.partition('?')[0]}"
        return "another process"


@contextlib.contextmanager
def held(
    folder: Path, what: str, duration: float = LEASE_SECONDS, waiting: Waiting | None = None
) -> Iterator[Lease]:
    """Lock a folder, created if missing; wait for its owner if there is one."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    lease = Lease(folder, duration, Owner.this_process(what))
    try:
        lease.acquire(waiting)
        yield lease
    except LeaseSettingsMismatch as mismatch:
        raise StageError(
            f"another version of Temper is computing {what}: {mismatch}. Wait until it has ended; "
            f"if no process computes it any more, delete {beside(folder, '.lease')}"
        ) from None
    finally:
        lease.release()


def _unwritten(file: Path) -> tuple[int, int, int] | None:
    """The inode, time and size of a lease that names no owner; None for any other, or none."""
    try:
        found, text = file.stat(), file.read_bytes()
    except OSError:
        return None
    if text.startswith(b"filelock/") and text.endswith(b"\n"):  # also one of another version
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def beside(folder: Path, end: str) -> Path:
    """The file next to a folder of the store, named after it."""
    return folder.with_name(folder.name + end)


def _read_owner(folder: Path) -> Owner | None:
    """The owner recorded in a folder; None if that cannot be read."""
    lost = "Processes that wait do not see for whom"
    with contextlib.suppress(OSError):
        return read_small(folder / "owner.json", Owner.model_validate, lost)
    return None
