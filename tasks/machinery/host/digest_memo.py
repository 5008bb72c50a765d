"""Digests of files, kept from one process to the next, so that a hit costs no reading.

    TEMPER_HOME/digests.db    SQLite: which digest a file had, by device and inode, while its size
                              and its times of change stay what they were

A memo is trusted where a write would show. A file that is written to gets new times (`mtime` can be
set back, `ctime` cannot), but times are coarse: a second write within the same tick would not show.
So what changed less than two seconds before it was read is not kept (git calls such an entry racy).

What nobody has asked for in 30 days is dropped: by then most of it is of files that are gone.

The memo is a convenience. Where it cannot be read or written, files are read instead; where it is
damaged, it is made anew. `verifying("full")` reads every byte whatever the memo says.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tasks.machinery.host.home import home
from tasks.machinery.host.owner import FORGOTTEN

Verification = Literal["quick", "full"]

SETTLED = 2.0  # seconds: the coarsest clock of a file system in use
_PAUSE = 10.0  # seconds for which a memo that failed is left alone
_DAY = 24 * 3600.0
_MOST = 100_000
# What SQLite says of a file that is no database, is damaged, or has other tables than ours.
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)
_TABLE = (
    "CREATE TABLE IF NOT EXISTS digests (file TEXT PRIMARY KEY, state TEXT NOT NULL,"
    " digest TEXT NOT NULL, seal TEXT NOT NULL, used REAL NOT NULL) WITHOUT ROWID"
)


@dataclass(frozen=True)
class Identity:
    """A file as the kernel knows it: the same while nobody has written to it."""

    file: str
    state: str
    changed: float

    @classmethod
    def of(cls, found: os.stat_result) -> Identity:
        """The identity of a file, of what `stat` says of it."""
        return cls(
            f"{found.st_dev}:{found.st_ino}",
            f"{found.st_size}:{found.st_mtime_ns}:{found.st_ctime_ns}",
            max(found.st_mtime, found.st_ctime),
        )


def digest_file(path: Path) -> str:
    """SHA-256 of a file's bytes: read as a stream, or remembered where it stayed as it was."""
    reread = _reread.get()
    identity = Identity.of(path.stat())
    known = _known if reread is None else reread
    found = known.get(identity)
    if found is None and reread is None:
        found = _memo().get(identity)
    if found is None:
        found, identity, settled = _read(path)
        if not settled:
            return found
        _memo().put(identity, found)
    for kept in (_known, known):
        if len(kept) >= _MOST:
            kept.clear()
        kept[identity] = found
    return found


def _read(path: Path) -> tuple[str, Identity, bool]:
    """The digest of the bytes, whose they are, and whether a later write is sure to show."""
    begun = time.time()
    with path.open("rb") as file:
        before = Identity.of(os.fstat(file.fileno()))
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        same = Identity.of(os.fstat(file.fileno())) == before
    return digest, before, same and begun - before.changed >= SETTLED


# What this process knows, and, where every byte is to be read, what it has read for that.
_known: dict[Identity, str] = {}
_reread: ContextVar[dict[Identity, str] | None] = ContextVar("reread", default=None)


@contextlib.contextmanager
def verifying(how: Verification) -> Iterator[None]:
    """Within the block, `full` believes no memo: every byte is read, once."""
    token = _reread.set({} if how == "full" else None)
    try:
        yield
    finally:
        _reread.reset(token)


class Memo:
    """The digests in one database; it never fails, it only knows less."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._database: sqlite3.Connection | None = None
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._again = {"get": 0.0, "put": 0.0}
        self._pruned = False

    def get(self, identity: Identity) -> str | None:
        """The digest of a file, if it is known."""
        query = "SELECT digest, seal, used FROM digests WHERE file = ? AND state = ?"
        for digest, seal, used in self._execute("get", query, (identity.file, identity.state)):
            if seal == _seal(identity, digest):
                if time.time() - used > _DAY:
                    change = "UPDATE digests SET used = ? WHERE file = ?"
                    self._execute("put", change, (time.time(), identity.file))
                return str(digest)
        return None

    def put(self, identity: Identity, digest: str) -> None:
        """Keep the digest of a file, instead of the one it had before."""
        values = (identity.file, identity.state, digest, _seal(identity, digest), time.time())
        self._execute("put", "INSERT OR REPLACE INTO digests VALUES (?, ?, ?, ?, ?)", values)
        if not self._pruned:
            self._pruned = True
            old = time.time() - FORGOTTEN
            self._execute("put", "DELETE FROM digests WHERE used < ?", (old,))

    def _execute(
        self, what: Literal["get", "put"], statement: str, values: tuple[str | float, ...]
    ) -> list[tuple[Any, ...]]:
        """Run a statement; nothing comes of it where the database cannot be used."""
        with self._lock:
            for _ in range(2):  # the second time after a damaged one has been made anew
                if time.monotonic() < self._again[what]:
                    break
                try:
                    database = self._connected()
                    return database.execute(statement, values).fetchall() if database else []
                except sqlite3.Error as error:
                    self._failed(what, error)
            return []

    def _connected(self) -> sqlite3.Connection | None:
        """The database, opened by this process; None where there is no folder for it yet."""
        if self._process != os.getpid():  # a connection must not be used after a fork
            self._process, self._database = os.getpid(), None
        if self._database is not None and not self.path.exists():  # somebody removed the folder
            self._close()
        if self._database is None and self.path.parent.is_dir():
            self._database = sqlite3.connect(
                self.path, timeout=0.5, isolation_level=None, check_same_thread=False
            )
            self._database.execute("PRAGMA journal_mode = TRUNCATE")
            # What the power takes is read again, and what it garbles has not the right seal: no
            # entry is worth a wait for the disk.
            self._database.execute("PRAGMA synchronous = OFF")
            self._database.execute(_TABLE)
        return self._database

    def _failed(self, what: Literal["get", "put"], error: sqlite3.Error) -> None:
        """Make a damaged database anew; leave any other alone for a while."""
        self._close()
        if getattr(error, "sqlite_errorcode", None) in _DAMAGED:
            with contextlib.suppress(OSError):
                for end in ("", "-journal"):
                    self.path.with_name(self.path.name + end).unlink(missing_ok=True)
                return
        self._again[what] = time.monotonic() + _PAUSE

    def _close(self) -> None:
        if self._database is not None:
            with contextlib.suppress(sqlite3.Error):
                self._database.close()
            self._database = None


def _seal(identity: Identity, digest: str) -> str:
    """What tells an entry that was written as a whole."""
    text = f"{identity.file} {identity.state} {digest}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


_memos: dict[Path, Memo] = {}


def _memo() -> Memo:
    """The memo of the state folder; setting a default is atomic, so threads share one."""
    path = home() / "digests.db"
    return _memos.setdefault(path, Memo(path))
