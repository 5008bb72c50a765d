"""`temper up` after something changed: an older Prefect database, a serving process that died."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from prefect.client.schemas.objects import StateType

from tests.flows.commands.test_up import LONG, up
from tests.support.process import finish, runs_of
from tests.support.up import ENDED, Up, wait_until

__all__ = ["up"]  # the fixture

pytestmark = pytest.mark.slow


def schema_of(file: Path) -> str:
    """The schema of a database."""
    with closing(sqlite3.connect(file)) as database:
        [(found,)] = database.execute("SELECT version_num FROM alembic_version").fetchall()
    return str(found)


def test_an_older_prefect_database_is_copied_and_migrated(up: Up) -> None:
    finish(up.folder, "", "--set", "downstream=[]")
    file = up.home / "prefect" / "prefect.db"
    newest = schema_of(file)
    done = subprocess.run(
        [sys.executable, "-m", "prefect", "server", "database", "downgrade", "-y", "-r", "-2"],
        env=up.environment() | {"PREFECT_HOME": str(file.parent)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    older = schema_of(file)
    assert older != newest

    up.start()
    assert schema_of(file) == newest
    said = up.said("up")
    assert "older prefect" in said
    [copy] = (up.home / "backups").glob("prefect-*.db")
    assert str(copy) in said
    assert schema_of(copy) == older
    with up.client() as client:
        [run] = client.read_flow_runs()
        assert run.name == "tiny · bert 1×16 · 12 steps · downstream=[]"


def test_a_serving_process_that_is_killed_comes_again_and_so_does_its_run(up: Up) -> None:
    up.start()
    first = up.trigger(steps=LONG)
    wait_until(lambda: list((up.home / "store" / "pretraining").glob("*/writing")) != [], 60)
    before = up.state().program("serving")
    assert before is not None
    os.kill(before.pid, signal.SIGKILL)
    wait_until(lambda: up.said("up").count("serving process is up") == 2, 90)
    after = up.state().program("serving")
    assert after is not None
    assert after.pid != before.pid
    assert "restarting it" in up.said("up")
    # What it ran has gone with it, and nothing shows it as running.
    wait_until(lambda: up.flow_run(first.id).state_type in ENDED, 60)
    assert up.flow_run(first.id).state_type == StateType.CRASHED
    running = [run for run in runs_of(up.folder) if run.info.status == "RUNNING"]
    assert running == []
    second = up.trigger(steps=20)  # and what is triggered then runs
    wait_until(lambda: up.flow_run(second.id).state_type in ENDED, 120)
    assert up.flow_run(second.id).state_type == StateType.COMPLETED
