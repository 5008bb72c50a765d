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

from tasks.machinery.host.uris import sqlite_uri
from tests.proofs.up.conftest import Before
from tests.support.process import runs_of
from tests.support.up import Up, wait_until

pytestmark = pytest.mark.slow


def schema_of(file: Path) -> str:
    """The schema of a database."""
    with closing(sqlite3.connect(file)) as database:
        [(found,)] = database.execute("SELECT version_num FROM alembic_version").fetchall()
    return str(found)


@pytest.mark.long
def test_an_older_prefect_database_is_copied_and_migrated(before: Before) -> None:
    up = before.up
    if up.is_running:
        up.stop()
    file = up.home / "prefect" / "prefect.db"
    newest = schema_of(file)
    done = subprocess.run(
        [sys.executable, "-m", "prefect", "server", "database", "downgrade", "-y", "-r", "-2"],
        env=up.environment()
        | {
            "PREFECT_HOME": str(file.parent),
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": sqlite_uri(file, "aiosqlite"),
        },
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
        assert "tiny · bert 1×16 · 12 steps" in [run.name for run in client.read_flow_runs()]


def test_a_serving_process_that_is_killed_comes_again_and_so_does_its_run(up: Up) -> None:
    idle, times = up.in_training(), up.said("up").count("serving process is up")
    first = up.trigger(steps=8000)
    up.wait_for_training(idle)
    before = up.state().program("serving")
    assert before is not None
    os.kill(before.pid, signal.SIGKILL)
    wait_until(lambda: up.said("up").count("serving process is up") == times + 1, 90)
    after = up.state().program("serving")
    assert after is not None
    assert after.pid != before.pid
    assert "restarting it" in up.said("up")
    # What it ran has gone with it, and nothing shows it as running.
    assert up.wait_for(first, 60).state_type == StateType.CRASHED
    running = [run for run in runs_of(up.folder) if run.info.status == "RUNNING"]
    assert running == []
    second = up.trigger(steps=20)  # and what is triggered then runs
    assert up.wait_for(second, 120).state_type == StateType.COMPLETED
