"""Digests of files, cached across processes, so that a cache hit reads no file.

    TEMPER_HOME/digests.db    SQLite: the digest of a file by device and inode, valid while its
                              size and its times of change stay the same

An entry is trusted only where any later write would have changed the file's times. A write sets new
times (`mtime` can be set back, `ctime` cannot), but times are coarse: a second write within the
same tick does not show. So a file that changed less than two seconds before it was read is not
cached (git calls such an entry racy). Nor is a file that a process has open or mapped for writing
while it is read: a store through a map need not change the times (`writers.py`). A map that is made
later changes them with its first store. What is relied on: the file system sets ctime at each write
and at the first store through each map, as ext4, XFS and tmpfs do; the clock is not set back; on a
network file system, no other host writes while a run reads.

Entries that were not used for 30 days are deleted: most of them belong to deleted files.

The memo is optional. Where it cannot be read or written, files are read instead; where it is
damaged, it is created again. `verifying("full")` reads every byte and ignores the memo.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tasks.machinery.host.home import home
from tasks.machinery.host.owner import FORGOTTEN
from tasks.machinery.host.writers import has_writer

Verification = Literal["quick", "full"]

SETTLED = 2.0  # seconds: the coarsest clock of a file system in use
_PAUSE = 10.0  # seconds before a memo that failed is tried again
_DAY = 24 * 3600.0
_MOST = 1_000_000  # 300 bytes each
_BATCH = 500  # files in a query: SQLite before 3.32 accepts at most 999 values
_SMALL = 2**20  # bytes
# SQLite's errors for a file that is no database, is damaged, or has tables other than ours.
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)
_TABLE = (
    "CREATE TABLE IF NOT EXISTS digests (file TEXT PRIMARY KEY, state TEXT NOT NULL,"
    " digest TEXT NOT NULL, seal TEXT NOT NULL, used REAL NOT NULL) WITHOUT ROWID"
)


@dataclass(frozen=True)
class Identity:
    """A file as the kernel knows it: equal until somebody writes to it."""

    file: str
    state: str
    changed: float

    @classmethod
    def of(cls, found: os.stat_result) -> Identity:
        """The identity of a file, from its `stat` result."""
        return cls(
            f"{found.st_dev}:{found.st_ino}",
            f"{found.st_size}:{found.st_mtime_ns}:{found.st_ctime_ns}",
            max(found.st_mtime, found.st_ctime),
        )


def digest_file(path: Path) -> str:
    """SHA-256 of a file's bytes: from the memo where the file is unchanged, else computed."""
    return digest_files([path])[0]


def digest_files(paths: Sequence[Path]) -> list[str]:
    """The same of many files, with one query of the memo for hundreds of them."""
    batches = (paths[start : start + _BATCH] for start in range(0, len(paths), _BATCH))
    return [digest for batch in batches for digest in _digests(batch)]


def _digests(paths: Sequence[Path]) -> list[str]:
    reread, memo = _reread.get(), _memo()
    known = _known if reread is None else reread
    identities = [Identity.of(path.stat()) for path in paths]
    found = {each: known[each] for each in identities if each in known}
    if reread is None:
        found |= memo.get([each for each in identities if each not in found])
    digests, computed = [], {}
    for path, identity in zip(paths, identities, strict=True):
        digest = found.get(identity)
        if digest is None:
            digest, read, settled = _read(path)
            if settled:
                computed[read] = digest
        digests.append(digest)
    memo.put(computed)
    found |= computed
    for kept in (_known, known):
        if len(kept) + len(found) > _MOST:
            kept.clear()
        kept.update(found)
    return digests


def _read(path: Path) -> tuple[str, Identity, bool]:
    """The digest, the file's identity, and whether any later write changes that identity."""
    begun = time.time()
    with path.open("rb") as file:
        before = Identity.of(os.fstat(file.fileno()))
        written = has_writer(file.fileno(), path)
        if os.fstat(file.fileno()).st_size <= _SMALL:  # `file_digest` has a buffer to fill
            digest = hashlib.sha256(file.read()).hexdigest()
        else:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        same = Identity.of(os.fstat(file.fileno())) == before
    return digest, before, same and not written and begun - before.changed >= SETTLED


# Digests known to this process; under `verifying("full")`, those read within that block.
_known: dict[Identity, str] = {}
_reread: ContextVar[dict[Identity, str] | None] = ContextVar("reread", default=None)


@contextlib.contextmanager
def verifying(how: Verification) -> Iterator[None]:
    """Within the block, `full` ignores the memo: every byte is read, once."""
    token = _reread.set({} if how == "full" else None)
    try:
        yield
    finally:
        _reread.reset(token)


class Memo:
    """The digests in one database. It never raises: a failure only means fewer known digests."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._database: sqlite3.Connection | None = None
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._again = {"get": 0.0, "put": 0.0}
        self._pruned = False

    def get(self, identities: Collection[Identity]) -> dict[Identity, str]:
        """The digests of files, of those that are known."""
        if not identities:
            return {}
        by_file = {each.file: each for each in identities}
        marks = ", ".join("?" * len(by_file))
        query = f"SELECT file, state, digest, seal, used FROM digests WHERE file IN ({marks})"
        found, old, now = {}, [], time.time()
        for file, state, digest, seal, used in self._execute("get", query, tuple(by_file)):
            identity = by_file[file]
            if state == identity.state and seal == _seal(identity, digest):
                found[identity] = str(digest)
                if now - used > _DAY:
                    old.append((now, file))
        if old:
            self._execute("put", "UPDATE digests SET used = ? WHERE file = ?", *old)
        return found

    def put(self, digests: Mapping[Identity, str]) -> None:
        """Store the digests of files in place of their former ones."""
        if not digests:
            return
        now = time.time()
        rows = [
            (identity.file, identity.state, digest, _seal(identity, digest), now)
            for identity, digest in digests.items()
        ]
        self._execute("put", "INSERT OR REPLACE INTO digests VALUES (?, ?, ?, ?, ?)", *rows)
        if not self._pruned:
            self._pruned = True
            self._execute("put", "DELETE FROM digests WHERE used < ?", (now - FORGOTTEN,))

    def _execute(
        self, what: Literal["get", "put"], statement: str, *values: tuple[str | float, ...]
    ) -> list[tuple[Any, ...]]:
        """Run a statement, once for each tuple of values, in one transaction.

        Returns:
            Its rows; none where the database cannot be used.
        """
        with self._lock:
            for _ in range(2):  # the second time after a damaged database was deleted
                if time.monotonic() < self._again[what]:
                    break
                try:
                    database = self._connected()
                    return _executed(database, statement, values) if database else []
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
            # After a power cut, a lost entry is computed again and a garbled one fails its seal,
            # so no write waits for the disk.
            self._database.execute("PRAGMA synchronous = OFF")
            self._database.execute(_TABLE)
        return self._database

    def _failed(self, what: Literal["get", "put"], error: sqlite3.Error) -> None:
        """Delete a damaged database; after any other failure, pause before the next try."""
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


def _executed(
    database: sqlite3.Connection, statement: str, values: Sequence[tuple[str | float, ...]]
) -> list[tuple[Any, ...]]:
    if len(values) == 1:
        return database.execute(statement, values[0]).fetchall()
    database.execute("BEGIN IMMEDIATE")
    try:
        database.executemany(statement, values)
        database.execute("COMMIT")
    except sqlite3.Error:
        with contextlib.suppress(sqlite3.Error):
            database.execute("ROLLBACK")
        raise
    return []


def _seal(identity: Identity, digest: str) -> str:
    """A checksum that shows whether an entry was written completely."""
    text = f"{identity.file} {identity.state} {digest}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


_memos: dict[Path, Memo] = {}


def _memo() -> Memo:
    """The memo of the state folder; setting a default is atomic, so threads share one."""
    path = home() / "digests.db"
    return _memos.setdefault(path, Memo(path))
