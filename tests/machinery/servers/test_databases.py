"""Databases of another version than the library's: told apart, copied, migrated."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy
from mlflow import MlflowClient
from mlflow.store.db.utils import _get_alembic_config, _get_latest_schema_revision
from mlflow.store.tracking.dbmodels.initial_models import Base as InitialBase

from tasks.contract import StageError
from tasks.machinery.host.home import own_database
from tasks.machinery.servers.databases import backups, databases, schemas
from tasks.machinery.servers.stack import prepare_databases
from tasks.machinery.tracking.tracking import make_database


def write_schema(file: Path, schema: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.closing(sqlite3.connect(file)) as database:
        database.execute("CREATE TABLE IF NOT EXISTS alembic_version (version_num TEXT)")
        database.execute("DELETE FROM alembic_version")
        database.execute("INSERT INTO alembic_version VALUES (?)", (schema,))
        database.commit()


def test_the_newest_schema_is_read_off_the_scripts() -> None:
    known, newest = schemas("mlflow", databases()[0].scripts)
    assert newest == {_get_latest_schema_revision()}
    assert len(known) > 20
    _, prefect = schemas("prefect", databases()[1].scripts)
    assert len(prefect) == 1


def test_a_database_is_missing_then_current(home) -> None:
    mlflow, prefect = databases()
    assert mlflow.state() == prefect.state() == "missing"
    make_database()
    assert mlflow.state() == "current"
    default = MlflowClient(own_database()).get_experiment("0")
    assert default.artifact_location.startswith(home.as_uri())  # not in the working directory
    prepare_databases(pytest.fail)  # nothing to say, nothing to do
    assert not backups().exists()


@pytest.mark.slow
@pytest.mark.parametrize("which", [0, 1])
def test_a_newer_database_is_refused(home, which: int) -> None:
    database = databases()[which]
    write_schema(database.file, "fedcba987654")
    with pytest.raises(StageError, match=f"fedcba987654 is not known to {database.library}"):
        prepare_databases(print)


def test_what_is_no_database_is_refused(home) -> None:
    databases()[0].file.write_text("no database" * 100)
    with pytest.raises(StageError, match="cannot be read"):
        prepare_databases(print)


@pytest.mark.slow
def test_an_older_database_is_migrated_and_a_copy_kept(home) -> None:
    from alembic import command
    from alembic.script import ScriptDirectory

    mlflow, uri = databases()[0], f"sqlite:///{home}/mlflow.db"
    engine = sqlalchemy.create_engine(uri)
    InitialBase.metadata.create_all(engine)
    config = _get_alembic_config(uri)
    scripts = ScriptDirectory.from_config(config)
    older = scripts.get_revision(_get_latest_schema_revision()).down_revision
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, older)
    engine.dispose()
    assert mlflow.state() == "older"

    said: list[str] = []
    prepare_databases(said.append)
    assert mlflow.state() == "current"
    assert [each.experiment_id for each in MlflowClient(uri).search_experiments()] == ["0"]
    [copy] = backups().glob("mlflow-*.db")
    assert str(copy) in said[0]
    assert mlflow.__class__("mlflow", copy, mlflow.scripts).schema() == older
