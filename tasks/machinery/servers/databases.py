"""The databases in the state folder, checked before a server opens them.

Each database names its schema. A database older than the installed library is copied to
`TEMPER_HOME/backups` and migrated; a newer one is an error. The schemas that a library knows are
read from its migration scripts, without importing the library, which would take seconds.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import os
import re
import sqlite3
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tasks.contract import StageError
from tasks.machinery.host.child import python_command, without_working_directory
from tasks.machinery.host.home import home, own_database

_REVISION = re.compile(r"""^revision(?:: \w+)? = ["'](\w+)["']""", re.MULTILINE)
_BEFORE = re.compile(r"""^down_revision(?:: [^=]+)? = (.+)$""", re.MULTILINE)


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
        """The name of its schema; empty if it has none yet.

        Raises:
            StageError: it cannot be read.
        """
        if not self.file.is_file():
            return ""
        try:
            with contextlib.closing(
                sqlite3.connect(f"{self.file.absolute().as_uri()}?mode=ro", uri=True)
            ) as open_:
                rows = open_.execute("SELECT version_num FROM alembic_version").fetchall()
        except sqlite3.Error as problem:
            if "no such table" in str(problem):
                return ""
            raise StageError(
                f"{self.file}: the database of {self.library} cannot be read ({problem}); move it "
                f"to another place, or restore a copy (see {backups()})"
            ) from None
        return str(rows[0][0]) if rows else ""

    def state(self) -> str:
        """`missing`, `current`, or `older`.

        Raises:
            StageError: it is newer than the library, or cannot be read.
        """
        found = self.schema()
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
        return "current" if found in newest else "older"

    def back_up(self) -> Path:
        """Copy the database; the copy is consistent even while the database is in use."""
        stamp = time.strftime("%Y%m%d-%H%M%S")
        copy = backups() / f"{self.file.stem}-{self.schema()}-{stamp}.db"
        copy.parent.mkdir(parents=True, exist_ok=True)
        with (
            contextlib.closing(sqlite3.connect(self.file)) as source,
            contextlib.closing(sqlite3.connect(copy)) as target,
        ):
            source.backup(target)
        return copy


def backups() -> Path:
    """The folder of the backup copies."""
    return home() / "backups"


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
