"""Holding a folder of the store: one computation of a fingerprint at a time, on all hosts.

    <fingerprint>.lock         the kernel's lock (flock): gone with its owner, however that died,
                               and never broken while the owner lives, even suspended
    <fingerprint>.lease        who holds it, touched as a sign of life: for hosts that share the
                               folder and that the kernel's lock does not reach
    <fingerprint>/owner.json   what is told to whoever waits

A lease is taken over once it has seen no sign of life for its duration, by the clock of who waits.
The owner that comes back too late (a laptop that slept) finds out before anything is put in place:
see `Hold.check`.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, LeaseSettingsMismatch, SoftFileLease, Timeout
from pydantic import BaseModel, ConfigDict

from tasks.contract import StageError
from tasks.machinery.host.files import write_atomically

LEASE = 60.0  # seconds without a sign of life after which another host takes over
_AT_ONCE = 0.3  # seconds in which what a dead owner left is cleared away
_LOOKS, _LOOK_AGAIN = 4, 0.1  # a lease that is being examined by another is away for a moment

Waiting = Callable[[str], None]


class Owner(BaseModel):
    """Who holds a folder, as it is told to whoever waits for it."""

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

    def __str__(self) -> str:
        since = self.since.astimezone()
        today = since.date() == datetime.now().astimezone().date()
        begun = since.strftime("%H:%M" if today else "%d %B %H:%M")
        return f"{self.what}: process {self.process} on {self.host}, since {begun}"


class Hold:
    """The right to compute into a folder.

    Attributes:
        folder: what is held.
        token: this claim, different from every other.
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
        """Wait until it is ours; `waiting(owner)` is called once, if there is need to wait."""
        told = False
        for lock, at_once in ((self._lock, 0.0), (self._lease, _AT_ONCE)):
            try:
                lock.acquire(timeout=at_once, poll_interval=0.05)
            except Timeout:
                if waiting is not None and not told:
                    waiting(self.whose())
                    told = True
                lock.acquire()
        self._begin()

    def try_acquire(self) -> bool:
        """Whether it is ours now, without waiting for anybody; for moments: nobody is told."""
        try:
            self._lock.acquire(timeout=0)
            self._lease.acquire(timeout=_AT_ONCE, poll_interval=0.05)
        except (Timeout, LeaseSettingsMismatch):
            return False
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            # Whoever frees a full disk has no room for a sign of life: nobody else's may be there.
            return self._lock.is_locked and not beside(self.folder, ".lease").exists()
        return True

    def _begin(self) -> None:
        self.token = self._lease.token or ""
        self.folder.mkdir(parents=True, exist_ok=True)  # it may have been freed meanwhile
        write_atomically(self.folder / "owner.json", self.owner.model_dump(mode="json"))

    def release(self) -> None:
        """Let go of what is held; what another has taken over stays as it is."""
        if self.token and _read_owner(self.folder) == self.owner:
            (self.folder / "owner.json").unlink(missing_ok=True)
        self._lease.release()
        self._lock.release()

    def check(self) -> None:
        """Make sure that it is still ours.

        Raises:
            StageError: another host took it over.
        """
        for _ in range(_LOOKS):
            seen = self._lease.owner
            if not self._lost.is_set() and seen is not None and seen.token == self.token:
                return
            time.sleep(_LOOK_AGAIN)
        raise StageError(
            f"{self.owner.what} was taken over by {self.whose()}, as this process gave no sign of "
            f"life for {self.duration:.0f} s (was it suspended?). Nothing is corrupted, and "
            "nothing was put in place: run it again, to use what the other one computes"
        )

    def whose(self) -> str:
        """Who holds it, in words."""
        owner, lease = _read_owner(self.folder), self._lease.owner
        if owner is not None and (lease is None or lease.pid == owner.process):
            return "nobody any more" if owner == self.owner else str(owner)
        if lease is not None:
            return f"process {lease.pid} on {lease.hostname.partition('?')[0]}"
        return "another process"


@contextlib.contextmanager
def held(
    folder: Path, what: str, duration: float = LEASE, waiting: Waiting | None = None
) -> Iterator[Hold]:
    """Hold a folder, which is made where it is missing; wait for whoever holds it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    hold = Hold(folder, duration, Owner.this_process(what))
    try:
        hold.acquire(waiting)
        yield hold
    except LeaseSettingsMismatch as mismatch:
        raise StageError(f"another version of Temper is computing {what}: {mismatch}") from None
    finally:
        hold.release()


def beside(folder: Path, end: str) -> Path:
    """The file next to a folder of the store, named after it."""
    return folder.with_name(folder.name + end)


def _read_owner(folder: Path) -> Owner | None:
    """Who says that it holds a folder; None where that cannot be read."""
    try:
        return Owner(**json.loads((folder / "owner.json").read_text()))
    except (OSError, ValueError, TypeError):
        return None
