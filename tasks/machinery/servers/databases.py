"""The databases in the state folder, checked before a server opens them.

Each database names its schema. A database older than the installed library is copied to
`TEMPER_HOME/backups` and migrated; a newer one is an error. The schemas that a library knows are
read from its migration scripts, without importing the library, which would take seconds.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import importlib.util
import os
import re
import shlex
import sqlite3
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

from tasks.contract import StageError
from tasks.machinery.host.child import python_command, without_working_directory
from tasks.machinery.host.home import home, own_database, tracking_uri
from tasks.machinery.host.uris import existing_database, sqlite_file

_REVISION = re.compile(r"""^revision(?:: \w+)? = ["'](\w+)["']""", re.MULTILINE)
_BEFORE = re.compile(r"""^down_revision(?:: [^=]+)? = (.+)$""", re.MULTILINE)
# The current name of Prefect's setting, and the former one.
PREFECT_DATABASES = {
    "PREFECT_API_DATABASE_CONNECTION_URL",
    "PREFECT_SERVER_DATABASE_CONNECTION_URL",
}
# Tables that a database has in every schema; a library would create a missing one, empty.
_TABLES = {
    "mlflow": {"experiments", "runs", "params", "tags", "metrics"},
    "prefect": {"flow", "flow_run", "flow_run_state", "task_run", "deployment"},
}
_PATIENCE = 5.0  # seconds that a locked database is waited for
# What SQLite says where it may not roll back; the files that a killed writer leaves.
_UNROLLED = re.compile(r"readonly database|unable to open")
_LEFT = ("-journal", "-wal")
_DAMAGE = re.compile(r"malformed|not a database|no such (table|column)|disk I/O error")


@dataclass(frozen=True)
class Database:
    """A database and the migration scripts of its schema.

    Attributes:
        library: the library that owns it: `mlflow` or `prefect`.
        file: the database.
        scripts: the folder of its migrations, inside the library.
    """

    library: str
    file: Path
    scripts: str

    def schema(self) -> str:
        """The name of its schema; empty if there is no database yet.

        Raises:
            StageError: it cannot be read, or has lost its contents.
        """
        return self._contents()[1]

    def _contents(self) -> tuple[set[str], str]:
        """The names of its tables and of its schema; empty if there is no database yet.

        Raises:
            StageError: it cannot be read, or has lost its contents.
        """
        tables, schema = self._read()
        if schema or (not tables and not self._is_ours) or not self.file.exists():
            return tables, schema
        kept = "it has tables, but not the name of their schema" if tables else "it is empty"
        raise self._lost(f"has lost its contents ({kept})")

    @property
    def _is_ours(self) -> bool:
        """Whether it is never seen before it has its tables; others are filled by their library."""
        return self.library == "mlflow" and self.file == home() / "mlflow.db"

    def _read(self) -> tuple[set[str], str]:
        """The names of its tables and of its schema; empty for a missing file."""
        if not self.file.exists():
            return set(), ""
        address = existing_database(self.file)
        try:
            with contextlib.closing(
                sqlite3.connect(address, uri=True, timeout=_PATIENCE)
            ) as opened:
                tables = {name for (name,) in opened.execute("SELECT name FROM sqlite_master")}
                query = "SELECT version_num FROM alembic_version"
                rows = opened.execute(query).fetchall() if "alembic_version" in tables else []
        except sqlite3.Error as problem:
            raise self._unreadable(problem) from None
        return tables, str(rows[0][0]) if rows else ""

    def _unreadable(self, problem: sqlite3.Error) -> StageError:
        """What to do about a file that SQLite cannot read."""
        if "locked" in str(problem):
            return StageError(
                f"{self.file}: another process keeps the database of {self.library} locked; wait, "
                f"or end that process (`fuser {shlex.quote(str(self.file))}` shows its number)"
            )
        left = [file for file in map(self._beside, _LEFT) if file.is_file()]
        if left and _UNROLLED.search(str(problem)):
            return StageError(
                f"{self.file}: a killed process left {left[0].name} beside the database of "
                f"{self.library}, and SQLite needs write access to {self.file.parent} to roll it "
                "back; ask its owner for that, or to run `temper leaderboard` once"
            )
        if self.file.is_file() and not os.access(self.file, os.R_OK):
            return StageError(
                f"{self.file}: you have no permission to read the database of {self.library}; ask "
                "its owner, or set TEMPER_HOME to a folder of your own"
            )
        why = str(problem) if self.file.is_file() else "it is not a file"
        return self._lost(f"cannot be read ({why})")

    def _beside(self, end: str) -> Path:
        return self.file.with_name(self.file.name + end)

    def _lost(self, why: str) -> StageError:
        """What to do about a file that does not have what it had."""
        return StageError(f"{self.file}: the database of {self.library} {why}; {remedy()}")

    def state(self) -> str:
        """`missing`, `current`, or `older`.

        Raises:
            StageError: it is newer than the library, cannot be read, or has lost its contents.
        """
        tables, found = self._contents()
        if not found:
            return "missing"
        known, newest = schemas(self.library, self.scripts)
        if found not in known:
            version = importlib.metadata.version(self.library)
            raise StageError(
                f"{self.file}: its schema {found} is not known to {self.library} {version}; a "
                f"newer {self.library} wrote it. Install that version, restore a copy (see "
                f"{backups()}), or set TEMPER_HOME to another folder"
            )
        missing = sorted(_TABLES[self.library] - tables)
        if missing:
            raise self._lost(f"has lost its tables {', '.join(missing)}")
        return "current" if found in newest else "older"

    def back_up(self) -> Path:
        """Copy the database; the copy is consistent even while the database is in use.

        It has its name once it is complete: half a copy must not look like one to restore.
        """
        stamp = time.strftime("%Y%m%d-%H%M%S")
        copy = backups() / f"{self.file.stem}-{self.schema()}-{stamp}.db"
        copy.parent.mkdir(parents=True, exist_ok=True)
        partial = copy.with_suffix(".partial")
        for end in ("", *_LEFT):  # of a copy that was killed in the same second
            partial.with_name(partial.name + end).unlink(missing_ok=True)
        with (
            contextlib.closing(sqlite3.connect(self.file)) as source,
            contextlib.closing(sqlite3.connect(partial)) as target,
        ):
            source.backup(target)
            target.execute("PRAGMA journal_mode = DELETE")  # no part of it in a file beside it
        partial.replace(copy)
        return copy


def backups() -> Path:
    """The folder of the backup copies."""
    return home() / "backups"


def remedy() -> str:
    """What to do about a database that is damaged."""
    return (
        f"restore a copy of it (see {backups()}), or move it to another place: a new one is "
        "created, without the history in this one. Complete stages are in the store, and are not "
        "computed again"
    )


def is_damage(words: str) -> bool:
    """Whether an error of SQLite says that a database is damaged, and not that it is busy."""
    return bool(_DAMAGE.search(words))


def databases() -> tuple[Database, Database]:
    """MLflow's database and Prefect's."""
    return (
        Database("mlflow", home() / "mlflow.db", "store/db_migrations/versions"),
        Database(
            "prefect",
            home() / "prefect" / "prefect.db",
            "server/database/_migrations/versions/sqlite",
        ),
    )


def require_databases(*, prefect: bool) -> None:
    """Check the databases that no server keeps, before their libraries open them.

    Args:
        prefect: whether Prefect's is needed.

    Raises:
        StageError: one is unreadable, or its schema is not that of the installed library.
    """
    mlflow, flows = databases()
    file = sqlite_file(tracking_uri())
    needed = [replace(mlflow, file=file)] if file else []
    if (
        prefect
        and not os.environ.get("PREFECT_API_URL")
        and not PREFECT_DATABASES & os.environ.keys()
    ):
        needed.append(flows)
    for database in needed:
        if database.state() == "older" and database.library == "mlflow":  # Prefect migrates its own
            raise StageError(
                f"{database.file}: its schema is that of an older mlflow; `temper up` migrates the "
                "database in the state folder, after a copy; for another one: `mlflow db upgrade`"
            )


@functools.cache
def schemas(library: str, scripts: str) -> tuple[frozenset[str], frozenset[str]]:
    """The schemas that an installed library knows, and the newest among them."""
    spec = importlib.util.find_spec(library)
    if spec is None or not spec.submodule_search_locations:
        raise StageError(f"{library} is not installed")
    known, before = set[str](), set[str]()
    for file in Path(spec.submodule_search_locations[0], scripts).glob("*.py"):
        text = file.read_text(encoding="utf-8")
        known.update(_REVISION.findall(text))
        before.update(re.findall(r"\w{8,}", " ".join(_BEFORE.findall(text))))
    return frozenset(known), frozenset(known - before)


def make_mlflow_database() -> None:
    """Create MLflow's database if it is missing, in a process of its own."""
    command = python_command("tasks.machinery.tracking.tracking:make_database")
    run(command, "MLflow's database cannot be created")


def migrate_mlflow() -> None:
    """Migrate MLflow's database to the installed library's schema. Prefect migrates its own."""
    command = [sys.executable, "-P", "-m", "mlflow", "db", "upgrade", own_database()]
    run(command, f"{home() / 'mlflow.db'} cannot be migrated")


def run(command: list[str], problem: str) -> None:
    """Run a program that prepares a database; StageError with its last line if it fails."""
    environment = without_working_directory(os.environ)
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()[-1]
        raise StageError(f"{problem}: {last}. Copies are in {backups()}")
