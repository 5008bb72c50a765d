"""A path is the same behind a URI, whatever its folders are called."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy

from tasks.contract import StageError
from tasks.machinery.host.home import make_home, own_database
from tasks.machinery.host.uris import sqlite_file, sqlite_uri
from tasks.machinery.servers.databases import databases
from tasks.machinery.tracking.tracking import Tracking

ODD = ["job%2Fbranch", "what?", "what?mode=memory", "#1", "a b", "é", "100%", "a:b@c", "日本", "%"]


@pytest.mark.parametrize("name", ODD)
def test_a_database_is_where_its_address_says(tmp_path: Path, name: str) -> None:
    file = tmp_path / name / "a.db"
    file.parent.mkdir()
    engine = sqlalchemy.create_engine(sqlite_uri(file))
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("CREATE TABLE here (number INTEGER)"))
    engine.dispose()
    with contextlib.closing(sqlite3.connect(file)) as database:
        assert database.execute("SELECT name FROM sqlite_master").fetchall() == [("here",)]
    assert [each.name for each in tmp_path.iterdir()] == [name]
    assert sqlite_file(sqlite_uri(file)) == file
    assert sqlite_file(sqlite_uri(file, "aiosqlite")) == file


def test_an_address_without_a_file_has_none() -> None:
    for uri in ("http://host:1/", "postgresql:///name", "sqlite:///:memory:", "sqlite://", ""):
        assert sqlite_file(uri) is None
    assert sqlite_file("sqlite:///runs.db?timeout=5") == Path("runs.db")


def test_an_ordinary_folder_keeps_its_address(home: Path) -> None:
    """It is the identity of MLflow in records and ledgers."""
    assert own_database() == f"sqlite:///{home}/mlflow.db"


def test_runs_are_kept_in_a_folder_of_any_name(tmp_path: Path, monkeypatch) -> None:
    home = tmp_path / "job%2Fbranch #1? é" / "home"
    monkeypatch.setenv("TEMPER_HOME", str(home))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    make_home()
    tracking = Tracking("toy")
    run = tracking.open("toy", {})
    (tmp_path / "card.md").write_text("# page")
    run.artifacts(tmp_path, ["card.md"])
    run.finish("FINISHED")
    assert databases()[0].state() == "current"
    assert [file.path for file in tracking.client.list_artifacts(run.run_id)] == ["card.md"]
    assert (home / "mlartifacts" / "toy" / run.run_id / "artifacts" / "card.md").is_file()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["card.md", "job%2Fbranch #1? é"]
    assert [each.name for each in home.parent.iterdir()] == ["home"]


def test_prefect_finds_its_database_in_a_folder_of_any_name(tmp_path: Path) -> None:
    name = "PREFECT_SERVER_DATABASE_CONNECTION_URL"
    code = f"""
import os
from tasks.machinery.servers.environment import prepare_environment
prepare_environment(with_servers=False)
print(os.environ.get("{name}", "as Prefect has it"))
"""
    for folder, expected in (("what?", tmp_path / "what?" / "prefect" / "prefect.db"), ("x", None)):
        environment = os.environ | {"TEMPER_HOME": str(tmp_path / folder)}
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True
        )
        assert sqlite_file(done.stdout.strip()) == expected, done.stderr


def test_a_folder_whose_name_is_not_text_is_refused(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("TEMPER_HOME", f"{tmp_path}/caf\udce9")
    with pytest.raises(StageError, match=r"TEMPER_HOME: .*caf\\udce9 is not UTF-8"):
        make_home()
