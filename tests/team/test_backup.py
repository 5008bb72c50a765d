"""Backup and restore as `mlflow/README.md` has them: of a team's servers, and of a state folder."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import mlflow as mlflow_library
import pytest
from mlflow import MlflowClient

from tests.support.process import finish
from tests.support.tiny_experiment import write_experiment
from tests.team.commands import runs_of, temper
from tests.team.postgres import DATABASES
from tests.team.servers import Team

pytestmark = pytest.mark.slow

ONLY = ("--set", "downstream=[]")


def of(client: MlflowClient, experiment: str) -> dict[str, Any]:
    """What MLflow has of an experiment's runs."""
    return {
        run.info.run_id: (run.info.run_name, run.info.status, run.data.metrics, run.data.params)
        for run in runs_of(client, experiment)
    }


@pytest.mark.long
def test_a_team_is_restored_from_a_backup_made_while_it_works(
    team: Team, mlflow: MlflowClient, tmp_path: Path
) -> None:
    file, home, backup = write_experiment(tmp_path / "data"), tmp_path / "home", tmp_path / "backup"
    words = ("run", str(file), *ONLY, "--set", "name=saved", "--output", str(tmp_path / "out.json"))
    backup.mkdir()
    done = temper(team.environment(home), *words)
    assert done.returncode == 0, done.stdout + done.stderr
    before = of(mlflow, "saved")
    [model] = mlflow.search_logged_models([json_of(tmp_path)["mlflow"]["experiment_id"]])
    # While the servers are up: first the databases, then the files that they name.
    for name in DATABASES:
        team.postgres.client("pg_dump", "-Fc", "-f", backup / name, name)
    objects = {each.key: each.get()["Body"].read() for each in team.s3_bucket().objects.all()}
    subprocess.run(["tar", "-C", home, "-cf", backup / "state.tar", "."], check=True)

    team.stop()
    shutil.rmtree(team.postgres.data)
    shutil.rmtree(home)
    team.postgres.start()
    for name in DATABASES:
        dump = ("--clean", "--if-exists", "-d", name, backup / name)
        team.postgres.client("pg_restore", *dump)
    home.mkdir()
    subprocess.run(["tar", "-C", home, "-xf", backup / "state.tar"], check=True)
    team.start_store()
    team.s3_bucket().create()
    for key, content in objects.items():
        team.s3_bucket().put_object(Key=key, Body=content)
    team.start_servers()

    assert of(mlflow, "saved") == before
    mlflow_library.set_tracking_uri(team.mlflow)
    assert mlflow_library.transformers.load_model(f"models:/{model.model_id}")
    again = temper(team.environment(home), *words)
    assert again.returncode == 0, again.stdout + again.stderr
    assert {stage["state"] for stage in json_of(tmp_path)["stages"]} == {"cached"}
    assert len(of(mlflow, "saved")) == len(before) + 1  # its parent: no stage was recorded anew


def json_of(folder: Path) -> dict[str, Any]:
    """What the command wrote as JSON."""
    found: dict[str, Any] = json.loads((folder / "out.json").read_text())
    return found


def test_a_state_folder_is_restored_from_its_backup(tmp_path: Path) -> None:
    write_experiment(tmp_path / "data")
    home, backup = tmp_path / "home", tmp_path / "backup"
    backup.mkdir()
    finish(tmp_path, "", *ONLY)
    before = recorded(home / "mlflow.db")
    with closing(sqlite3.connect(home / "mlflow.db")) as writer:
        writer.execute("BEGIN IMMEDIATE")  # somebody is in the middle of writing
        for name in ("mlflow.db", "prefect/prefect.db"):
            with (
                closing(sqlite3.connect(home / name)) as source,
                closing(sqlite3.connect(backup / Path(name).name)) as target,
            ):
                source.backup(target)  # what `.backup` of the sqlite3 command does
        writer.rollback()
    files = ("mlartifacts", "store", "runs", "prefect/storage")
    subprocess.run(["tar", "-C", home, "-cf", backup / "files.tar", *files], check=True)

    shutil.rmtree(home)
    (home / "prefect").mkdir(parents=True)
    subprocess.run(["tar", "-C", home, "-xf", backup / "files.tar"], check=True)
    shutil.copy(backup / "mlflow.db", home / "mlflow.db")
    shutil.copy(backup / "prefect.db", home / "prefect" / "prefect.db")

    again = finish(tmp_path, "", *ONLY)
    assert {stage["state"] for stage in again["stages"]} == {"cached"}
    restored = recorded(home / "mlflow.db")
    assert {key: restored[key] for key in before} == before
    assert len(restored) == len(before) + 1
    load = (
        "import mlflow; [model] = mlflow.MlflowClient().search_logged_models(['1']); "
        "mlflow.transformers.load_model(f'models:/{model.model_id}')"
    )
    uri = {"MLFLOW_TRACKING_URI": f"sqlite:///{home}/mlflow.db"}
    loaded = subprocess.run(
        [sys.executable, "-c", load], env=os.environ | uri, capture_output=True, text=True
    )
    assert loaded.returncode == 0, loaded.stderr


def recorded(database: Path) -> dict[str, dict[str, float]]:
    """Metrics by run, read past MLflow: it would keep a file open that is no longer there."""
    with closing(sqlite3.connect(database)) as opened:
        runs = [run for (run,) in opened.execute("SELECT run_uuid FROM runs")]
        metrics = opened.execute("SELECT run_uuid, key, value FROM latest_metrics").fetchall()
    return {run: {key: value for of_run, key, value in metrics if of_run == run} for run in runs}
