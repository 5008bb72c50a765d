"""The chain through Prefect and MLflow on PostgreSQL, both asking who one is."""

from __future__ import annotations

import json
from pathlib import Path

import mlflow as mlflow_library
import pytest
import yaml
from mlflow import MlflowClient

from tests.support.tiny_experiment import STAGES, write_experiment
from tests.team.commands import runs_of, stage_of, temper
from tests.team.servers import BUCKET, SECRETS, Team

pytestmark = pytest.mark.slow


def test_all_of_it_is_in_the_servers_and_no_secret_anywhere(
    team: Team, mlflow: MlflowClient, tmp_path: Path
) -> None:
    file, home = write_experiment(tmp_path / "data"), tmp_path / "home"
    environment = team.environment(home)
    words = ("run", str(file), "--set", "name=chain", "--output", str(tmp_path / "out.json"))
    first = temper(environment, *words)
    assert first.returncode == 0, first.stdout + first.stderr
    assert not list(home.glob("mlflow*"))  # nothing was kept beside the servers
    result = json.loads((tmp_path / "out.json").read_text())
    assert result["flow_run_url"].startswith(team.prefect.removesuffix("/api"))
    assert result["mlflow"]["url"].startswith(team.mlflow)
    assert {run.info.status for run in runs_of(mlflow, "chain")} == {"FINISHED"}
    assert len(runs_of(mlflow, "chain")) == 1 + STAGES

    again = temper(environment, *words)
    assert again.returncode == 0, again.stdout + again.stderr
    cached = json.loads((tmp_path / "out.json").read_text())
    assert {stage["state"] for stage in cached["stages"]} == {"cached"}
    assert cached["metrics"] == result["metrics"]
    assert len(runs_of(mlflow, "chain")) == 2 + STAGES

    # Models and pages went through MLflow's server into the store, and come back from there.
    [model] = [
        each
        for each in mlflow.search_logged_models([result["mlflow"]["experiment_id"]])
        if each.tags["temper.run_name"] == "finetuning mood"
    ]
    mlflow_library.set_tracking_uri(team.mlflow)
    answers = mlflow_library.pyfunc.load_model(f"models:/{model.model_id}").predict(["a dog"])
    assert set(answers["label"]) <= {"good", "bad"}
    stored = {each.key: each for each in team.s3_bucket().objects.all()}
    assert any(key.endswith("model.safetensors") for key in stored)
    assert any(key.endswith("card.md") for key in stored)

    said = [first.stdout, first.stderr, again.stdout, again.stderr]
    said += [team.postgres.client("pg_dump", name) for name in ("prefect", "mlflow")]
    kept = [each.get()["Body"].read() for each in stored.values()]
    kept += [each.read_bytes() for each in home.rglob("*") if each.is_file()]
    kept += [team.log(name).encode() for name in ("prefect", "mlflow")]
    for secret in SECRETS:
        assert not any(secret in text for text in said)
        assert not any(secret.encode() in content for content in kept)
    assert "chain" in said[-1]  # the dump is not empty
    assert BUCKET in team.log("store")


def test_runs_are_compared_ranked_and_promoted(
    team: Team, mlflow: MlflowClient, tmp_path: Path
) -> None:
    file, environment = write_experiment(tmp_path / "data"), team.environment(tmp_path / "home")
    values = yaml.safe_load(file.read_text())
    file.write_text(yaml.safe_dump(values | {"downstream": values["downstream"][:1]}))
    settings = ("--set", "name=ranked", "--set", "downstream.mood.epochs=8")
    for steps in (12, 14):
        done = temper(
            environment, "run", str(file), *settings, "--set", f"pretraining.steps={steps}"
        )
        assert done.returncode == 0, done.stdout + done.stderr
    compared = temper(environment, "compare", "--last", "2", "--experiment", "ranked")
    assert compared.returncode == 0, compared.stderr
    assert "pretraining.steps" in compared.stdout
    ranked = temper(environment, "leaderboard", "ranked")
    assert ranked.returncode == 0, ranked.stderr
    assert "pretraining.steps" in ranked.stdout
    rule = ("--problem", "mood", "--model", "moods")
    retrained = temper(environment, "retrain", str(file), *settings, *rule)
    assert retrained.returncode == 0, retrained.stdout + retrained.stderr
    [version] = mlflow.search_model_versions("name = 'moods'")
    history = temper(environment, "history", "moods")
    assert history.returncode == 0, history.stderr
    assert "accuracy" in retrained.stdout
    assert mlflow.get_model_version_by_alias("moods", "champion").version == version.version


def test_who_may_not_is_told_before_anything_is_computed(team: Team, tmp_path: Path) -> None:
    file, home = write_experiment(tmp_path / "data"), tmp_path / "home"
    known = team.environment(home)
    for changed, words in (
        ({"MLFLOW_TRACKING_PASSWORD": "wrong-password"}, "MLFLOW_TRACKING_USERNAME"),
        ({"PREFECT_API_AUTH_STRING": "some:body"}, "PREFECT_API_AUTH_STRING"),
    ):
        done = temper(known | changed, "run", str(file))
        assert done.returncode == 1
        assert words in done.stderr
        assert "Traceback" not in done.stderr
        assert not list(home.glob("store/*/*/manifest.json"))


def test_people_keep_out_of_each_others_runs(
    team: Team, mlflow: MlflowClient, tmp_path: Path
) -> None:
    file = write_experiment(tmp_path / "data")
    for name in ("ada", "bob"):
        team.add_user(name, f"{name}-s-password")
    only = ("--set", "downstream=[]")
    adas = team.environment(tmp_path / "ada", "ada", "ada-s-password")
    bobs = team.environment(tmp_path / "bob", "bob", "bob-s-password")
    first = temper(adas, "run", str(file), "--set", "name=adas", *only)
    assert first.returncode == 0, first.stderr
    [parent] = [run for run in runs_of(mlflow, "adas") if stage_of(run) == "experiment"]
    mlflow.update_run(parent.info.run_id, status="RUNNING")  # as a crash of hers leaves it

    refused = temper(bobs, "run", str(file), "--set", "name=adas", *only)
    assert refused.returncode == 1
    assert "permission EDIT" in refused.stderr
    own = temper(bobs, "run", str(file), "--set", "name=bobs", *only)
    assert own.returncode == 0, own.stderr  # what he may not close does not stop him
    assert mlflow.get_run(parent.info.run_id).info.status == "RUNNING"
    again = temper(adas, "run", str(file), "--set", "name=adas", *only)
    assert again.returncode == 0, again.stderr
    assert mlflow.get_run(parent.info.run_id).info.status == "FINISHED"  # she goes on with hers
    assert [r.info.run_id for r in runs_of(mlflow, "adas") if stage_of(r) == "experiment"] == [
        parent.info.run_id
    ]
