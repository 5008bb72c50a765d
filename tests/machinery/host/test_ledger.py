"""What a run uses is kept while it lives; what MLflow was not told is kept until it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tasks.machinery.execution.delivery import deliver_all, undelivered
from tasks.machinery.host.home import store_folder
from tasks.machinery.host.ledger import Ledger, ledgers, start_lock, used_by_runs
from tasks.machinery.host.owner import FORGOTTEN, LEASE, is_alive, this_process
from tasks.machinery.store.artifact import read_run
from tasks.machinery.store.store import Store
from tasks.machinery.tracking.tracking import Tracking

ARTIFACT = "double/0123456789abcdef0123456789abcdef"


def leave_a_ledger(home: Path, *, run_id: str = "run", uri: str = "sqlite:///none") -> None:
    """A process uses an artifact and dies."""
    code = f"""
import os, signal
from tasks.machinery.host.ledger import Ledger
Ledger.open("toy", {uri!r}, {run_id!r}, {{}}).use("double", {ARTIFACT!r})
os.kill(os.getpid(), signal.SIGKILL)
"""
    environment = os.environ | {"TEMPER_HOME": str(home)}
    killed = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)
    assert killed.returncode == -9, killed.stderr[-2000:]


def test_what_a_living_run_uses_is_in_use_and_what_a_dead_one_used_is_not(home: Path) -> None:
    leave_a_ledger(home)
    assert used_by_runs() == set()
    ledger = Ledger.open("toy", "sqlite:///none", "run", {})
    ledger.use("double", ARTIFACT)
    assert used_by_runs() == {ARTIFACT}
    ledger.close()
    assert used_by_runs() == set()


def test_what_mlflow_is_yet_to_be_told_of_is_in_use_too(home: Path) -> None:
    ledger = Ledger.open("toy", "sqlite:///none", "run", {})
    ledger.use("double", ARTIFACT)
    ledger.uses[0].state = "completed"
    ledger.end("FINISHED")
    ledger.let_go()
    assert used_by_runs() == {ARTIFACT}


def test_a_run_whose_process_died_is_killed_in_mlflow_and_its_ledger_is_closed(home: Path) -> None:
    tracking = Tracking("toy")
    run = tracking.open("toy", {})
    run.leave()
    leave_a_ledger(home, run_id=run.run_id, uri=tracking.uri)
    assert len(undelivered()) == 1
    assert deliver_all(tracking, Store(store_folder())) == ["toy"]
    found = tracking.client.get_run(run.run_id)
    assert found.info.status == "KILLED"
    assert "had died" in found.data.tags["temper.reason"]
    assert ledgers() == []


def test_a_ledger_of_another_mlflow_is_left_for_that_one(home: Path) -> None:
    leave_a_ledger(home, uri="http://elsewhere")
    assert deliver_all(Tracking("toy"), Store(store_folder())) == []
    assert len(ledgers()) == 1


@pytest.mark.parametrize(("told", "kept"), [(True, 0), (False, 1)])
def test_a_month_later_it_is_forgotten_if_only_its_end_is_left(
    home: Path, told: bool, kept: int
) -> None:
    leave_a_ledger(home, uri="http://elsewhere")
    [ledger] = ledgers()
    ledger.uses[0].state, ledger.uses[0].told = "completed", told
    ledger.write()
    deliver_all(Tracking("toy"), Store(store_folder()))
    assert len(ledgers()) == 1
    long_ago = time.time() - FORGOTTEN - 1
    os.utime(ledger.file, (long_ago, long_ago))
    deliver_all(Tracking("toy"), Store(store_folder()))
    assert len(ledgers()) == kept


@pytest.mark.parametrize(("silent", "alive"), [(1.0, True), (LEASE + 60, False)])
def test_an_owner_on_another_host_lives_while_it_is_heard_of(silent: float, alive: bool) -> None:
    assert is_alive("elsewhere:1:1", time.time() - silent) is alive
    assert is_alive(this_process(), 0.0)


def test_runs_of_another_host_are_closed_once_it_is_silent(home: Path) -> None:
    tracking = Tracking("toy")
    heard, silent = tracking.open("heard", {}), tracking.open("silent", {})
    for run, seen in ((heard, "99999999999"), (silent, "1000")):
        run.leave()
        run.tags({"temper.process": "elsewhere:1:1", "temper.seen": seen})
    tracking.close_dead_runs()
    assert tracking.client.get_run(heard.run_id).info.status == "RUNNING"
    assert tracking.client.get_run(silent.run_id).info.status == "KILLED"


@pytest.mark.parametrize("query", ["password=s3cret", "password=***"])
def test_the_address_of_an_older_state_is_recognized_without_its_password(
    home: Path, query: str
) -> None:
    old, now = f"postgresql://host/runs?{query}&ssl=1", "postgresql://host/runs?ssl=1"
    ledger = Ledger.open("toy", old, "run", {})
    values = json.loads(ledger.file.read_text()) | {"tracking_uri": old}
    ledger.file.write_text(json.dumps(values))
    assert [each.tracking_uri for each in ledgers()] == [now]
    file = home / "run.json"
    file.write_text(json.dumps({"run_id": "run", "tracking_uri": old}))
    assert read_run(file) == {"run_id": "run", "tracking_uri": now}


def test_waiting_for_another_start_is_reported_with_its_file(home: Path, monkeypatch) -> None:
    told, held = list[str](), threading.Event()
    monkeypatch.setattr("tasks.machinery.host.small_files._say", told.append)
    monkeypatch.setattr("tasks.machinery.host.ledger._LONG", 0.1)

    def start() -> None:
        with start_lock():
            held.set()

    with start_lock():
        waiting = threading.Thread(target=start)
        waiting.start()
        while not told:
            time.sleep(0.01)
        assert not held.is_set()
    waiting.join()
    assert held.is_set()
    lock = home / "runs" / ".start.lock"
    assert told[0].startswith(f"waiting for {lock}, which another process of Temper holds: `fuser")
