"""A damaged, emptied or locked database is reported by its file, before anything starts."""

from __future__ import annotations

import random
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.exc import DatabaseError

from tasks.comparison.past_runs import PastRuns
from tasks.contract import StageError
from tasks.machinery.freeing.referred import referred
from tasks.machinery.servers.databases import databases
from tasks.machinery.servers.reachable import require_reachable_servers
from tasks.machinery.servers.temporary_server import _failure
from tasks.machinery.tracking.outage import is_outage, reason, unanswered
from tasks.machinery.tracking.stored_runs import StoredRuns
from tests.machinery.servers.test_databases import write_schema

Spoil = Callable[[Path], object]


@pytest.fixture(autouse=True)
def no_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_TRACKING_URI", "PREFECT_API_URL"):
        monkeypatch.delenv(name, raising=False)


def garbage(file: Path) -> None:
    file.write_bytes(random.Random(1).randbytes(20_000))


def header_only(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:100])


def no_schema(file: Path) -> None:
    with closing(sqlite3.connect(file)) as database:
        database.execute("DELETE FROM alembic_version")
        database.commit()


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize(
    "which, spoil, said",
    [
        (0, garbage, "file is not a database"),
        (0, header_only, "malformed"),
        (0, no_schema, "not the name of their schema"),
        (0, emptied, "has lost its contents (it is empty)"),
        (0, folder, "it is not a file"),
        (1, garbage, "file is not a database"),
        (1, no_schema, "not the name of their schema"),
    ],
)
def test_a_damaged_database_is_named_with_what_to_do(
    home: Path, which: int, spoil: Spoil, said: str
) -> None:
    database = databases()[which]
    write_schema(database.file, "0123456789ab")
    spoil(database.file)
    message = re.escape(f"{database.file}: the database of {database.library} ")
    with pytest.raises(StageError, match=f"{message}.*{re.escape(said)}.*restore a copy") as found:
        require_reachable_servers()
    assert "Complete stages are in the store" in str(found.value)


def test_the_other_commands_that_ask_mlflow_say_the_same(home: Path) -> None:
    garbage(databases()[0].file)
    with pytest.raises(StageError, match=r"mlflow\.db: the database of mlflow cannot be read"):
        PastRuns()
    with pytest.raises(StageError, match=r"mlflow\.db: the database of mlflow cannot be read"):
        referred()


def test_a_locked_database_is_not_called_damaged(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.machinery.servers.databases._PATIENCE", 0.1)
    database = databases()[0]
    write_schema(database.file, "0123456789ab")
    with closing(sqlite3.connect(database.file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StageError, match="another process keeps the database of mlflow locked"):
            database.schema()


def killed_in_a_transaction(file: Path) -> None:
    """Kill a process that has written a part of a transaction, so that a journal is left."""
    code = f"""if True:
        import os, signal, sqlite3
        database = sqlite3.connect({str(file)!r}, isolation_level=None)
        database.execute("PRAGMA cache_size = 1")  # so that pages are written before the end
        database.execute("BEGIN")
        database.execute("DELETE FROM experiments")
        database.execute("UPDATE alembic_version SET version_num = 'half'")
        for number in range(500):
            database.execute("INSERT INTO tags VALUES (?, 'b', 'c')", (str(number) * 50,))
        os.kill(os.getpid(), signal.SIGKILL)
    """
    subprocess.run([sys.executable, "-c", code], check=False)
    assert file.with_name(f"{file.name}-journal").stat().st_size > 0


def test_what_a_killed_writer_left_is_rolled_back(home: Path, mlflow_template: Path) -> None:
    database = databases()[0]
    shutil.copy(mlflow_template, database.file)
    killed_in_a_transaction(database.file)
    assert StoredRuns(database.file).experiments() == {"0": "Default"}
    killed_in_a_transaction(database.file)
    require_reachable_servers()
    assert database.state() == "current"
    assert PastRuns().names == {"0": "Default"}


@pytest.mark.parametrize(
    "end, said",
    [
        ("-journal", "attempt to write a readonly database"),
        ("-wal", "unable to open database file"),
    ],
)
def test_what_may_not_be_rolled_back_is_not_called_damaged(
    home: Path, monkeypatch: pytest.MonkeyPatch, end: str, said: str
) -> None:
    """SQLite says so in a folder of another user; the tests may run as root, who may write."""
    database = databases()[0]
    write_schema(database.file, "0123456789ab")
    left = database.file.with_name(f"mlflow.db{end}")
    left.touch()

    def refuse(*_: object, **__: object) -> None:
        raise sqlite3.OperationalError(said)

    monkeypatch.setattr(sqlite3, "connect", refuse)
    with pytest.raises(StageError, match=f"left {left.name} .*needs write access to") as found:
        database.state()
    assert "restore" not in str(found.value)


def test_half_a_copy_does_not_look_like_one(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = databases()[0]
    write_schema(database.file, "0123456789ab")

    class Full(sqlite3.Connection):
        def backup(self, *_: object, **__: object) -> None:
            raise sqlite3.OperationalError("database or disk is full")

    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *a, **k: connect(*a, **k, factory=Full))
    with pytest.raises(sqlite3.OperationalError):
        database.back_up()
    monkeypatch.undo()
    assert not list((home / "backups").glob("*.db"))
    copy = database.back_up()
    assert [file for file in copy.parent.iterdir() if file.suffix == ".db"] == [copy]


def test_prefect_fills_an_empty_database_itself(home: Path) -> None:
    emptied(databases()[1].file)
    require_reachable_servers()


def test_an_older_database_is_left_to_temper_up(home: Path, mlflow_template: Path) -> None:
    shutil.copy(mlflow_template, home / "mlflow.db")
    with closing(sqlite3.connect(home / "mlflow.db")) as database:
        # The first schema that MLflow names.
        database.execute("UPDATE alembic_version SET version_num = '451aebb31d03'")
        database.commit()
    with pytest.raises(StageError, match="schema is that of an older mlflow; `temper up` migrates"):
        require_reachable_servers()


def test_a_lost_table_is_named_and_not_created_empty(home: Path, mlflow_template: Path) -> None:
    shutil.copy(mlflow_template, home / "mlflow.db")
    with closing(sqlite3.connect(home / "mlflow.db")) as database:
        database.execute("DROP TABLE runs")
    content = (home / "mlflow.db").read_bytes()
    with pytest.raises(StageError, match="has lost its tables runs; restore a copy"):
        require_reachable_servers()
    assert (home / "mlflow.db").read_bytes() == content


def test_runs_on_damaged_pages_are_reported_by_the_database(
    home: Path, mlflow_template: Path
) -> None:
    shutil.copy(mlflow_template, home / "mlflow.db")
    with closing(sqlite3.connect(home / "mlflow.db")) as database:
        query = "SELECT rootpage FROM sqlite_master WHERE name = 'experiments'"
        ((page,),) = database.execute(query).fetchall()
        ((size,),) = database.execute("PRAGMA page_size").fetchall()
    content = bytearray((home / "mlflow.db").read_bytes())
    content[(page - 1) * size : page * size] = random.Random(2).randbytes(size)
    (home / "mlflow.db").write_bytes(content)
    with pytest.raises(StageError, match=r"its database is damaged \(.*malformed.*restore a copy"):
        PastRuns()


def test_a_training_goes_on_while_its_database_is_damaged() -> None:
    problem = DatabaseError("SELECT 1", None, sqlite3.DatabaseError("file is not a database"))
    assert is_outage(problem)
    assert "restore a copy" in reason(problem)
    assert unanswered(problem).startswith("MLflow cannot be used: its database is damaged")


def test_the_temporary_server_names_its_damaged_database(home: Path) -> None:
    log = home / "server.log"
    log.write_text("sqlite3.DatabaseError: database disk image is malformed\n")
    assert f"{home}/prefect/prefect.db); restore a copy" in str(_failure(log))
