"""Runs read from MLflow's database are those that its search finds."""

from __future__ import annotations

import math
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from mlflow import MlflowClient

from tasks.comparison.past_runs import PastRuns
from tasks.machinery.host.home import tracking_uri
from tasks.machinery.tracking.stored_runs import StoredRuns
from tasks.machinery.tracking.tags import EXPERIMENT, FINGERPRINT, NOTE, STAGE


@pytest.fixture
def client(mlflow_database: Path) -> MlflowClient:
    """MLflow with two experiments, one of them deleted, and runs of all kinds."""
    client = MlflowClient(tracking_uri())
    kept, gone = client.create_experiment("kept"), client.create_experiment("gone")
    for experiment in (kept, gone):
        for number in range(3):
            run = client.create_run(
                experiment,
                start_time=1_000 * (number + 1),
                tags={EXPERIMENT: "x", NOTE: "# A page"},
                run_name=f"run {number}",
            ).info.run_id
            client.log_param(run, "seed", number)
            client.log_metric(run, "loss", 1.0, step=1)
            client.log_metric(run, "loss", 0.25 * number, step=2)
            client.log_metric(run, "undefined", math.nan)
            if number:
                client.set_terminated(run, end_time=1_000 * (number + 1) + 500)
    client.create_run(kept, start_time=5_000)  # of a stage
    last = client.create_run(kept, start_time=6_000, tags={EXPERIMENT: "x"}).info.run_id
    client.delete_run(last)
    client.delete_experiment(gone)
    return client


def test_the_runs_are_those_of_mlflows_search(client: MlflowClient) -> None:
    past = PastRuns()
    found = past.experiments_runs()
    assert [run.name for run in found] == ["run 2", "run 1", "run 0"]
    assert [run.seconds for run in found] == [0.5, 0.5, 0.0]
    assert found[0].metrics["loss"] == 0.5
    searched = past.experiments_runs(narrowed="attributes.status != 'X'")
    for one, other in zip(found, searched, strict=True):
        assert math.isnan(one.metrics["undefined"])
        assert math.isnan(other.metrics["undefined"])
        for run in (one, other):
            del run.metrics["undefined"]
        assert one.metrics == other.metrics
        assert one.params == other.params
        assert one.tags == {k: v for k, v in other.tags.items() if k != NOTE}
        told = ("run_id", "name", "experiment", "status", "started", "seconds")
        assert [getattr(one, part) for part in told] == [getattr(other, part) for part in told]
    assert past.names == {"0": "Default", "1": "kept"}


def test_with_other_tables_mlflows_search_is_used(client: MlflowClient, home: Path) -> None:
    with closing(sqlite3.connect(home / "mlflow.db")) as database, database:
        database.execute("ALTER TABLE latest_metrics RENAME COLUMN is_nan TO undefined")
    stored = StoredRuns(home / "mlflow.db")
    assert stored.experiments() == {"0": "Default", "1": "kept"}
    assert stored.runs(["1"]) is None


def test_a_file_that_is_no_database_is_left_to_mlflow(tmp_path: Path) -> None:
    file = tmp_path / "mlflow.db"
    file.write_text("no database")
    assert StoredRuns(file).experiments() is None
    assert StoredRuns(tmp_path / "absent.db").runs([]) is None


def test_seconds_of_stages_are_those_of_mlflows_search(
    client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = client.get_experiment_by_name("kept").experiment_id
    for number, (fingerprint, status) in enumerate(
        [("a" * 64, "FINISHED"), ("a" * 64, "FINISHED"), ("b" * 64, "FAILED"), ("c" * 64, "")]
    ):
        tags = {STAGE: "corpus", FINGERPRINT: fingerprint}
        start = 1_000 * (number + 1)
        run = client.create_run(kept, start_time=start, tags=tags).info.run_id
        if status:
            client.set_terminated(run, status, end_time=start + 250 * (number + 1))
    past = PastRuns()
    found = past.seconds_of_stages()
    assert found == {f"corpus/{'a' * 32}": 0.5}  # the newest that finished
    monkeypatch.setattr(past, "_stored", None)
    assert past.seconds_of_stages() == found


def test_a_leaderboard_of_a_local_database_imports_no_slow_library(
    client: MlflowClient, home: Path
) -> None:
    """They took 4 s, of 2 s in all."""
    run = client.create_run("0", tags={EXPERIMENT: "x", STAGE: "experiment"}).info.run_id
    client.log_metric(run, "pretraining/validation_loss", 1.0)
    client.set_terminated(run)
    lines = (
        "import sys",
        "from typer.testing import CliRunner",
        "from flows.commands.main import app",
        "done = CliRunner().invoke(app, ['leaderboard'])",
        "assert 'validation_loss' in done.output, done.output",
        "slow = {'mlflow', 'prefect', 'pandas', 'matplotlib', 'sqlalchemy', 'torch'}",
        "print(sorted(slow & sys.modules.keys()))",
    )
    command = [sys.executable, "-c", "\n".join(lines)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr
