"""The saved view of an experiment's runs: results, what differs, and a person's own choice."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from tasks.machinery.tracking.results_view import TAG, columns_of, renew_view

RESULTS = {
    "downstream/mood/majority/accuracy": 0.5,
    "downstream/mood/accuracy": 0.7,
    "downstream/mood/accuracy/low": 0.6,
    "downstream/mood/gain": 0.1,
    "pretraining/validation_loss": 4.0,
    "pretraining/tokens_per_second": 9000,
}
SHOWN = [
    "metrics.`downstream/mood/accuracy`",
    "metrics.`downstream/mood/gain`",
    "metrics.`pretraining/validation_loss`",
]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> MlflowClient:
    return MlflowClient(f"sqlite:///{tmp_path_factory.mktemp('mlflow') / 'mlflow.db'}")


@pytest.fixture
def experiment(client: MlflowClient, tmp_path: Path) -> str:
    return client.create_experiment(tmp_path.name, tmp_path.as_uri())


def add_run(
    client: MlflowClient, experiment: str, stage: str = "experiment", **params: Any
) -> None:
    tags = {"temper.stage": stage}
    if stage in ("experiment", "evaluate"):
        tags["temper.experiment"] = "its identity"
    run = client.create_run(experiment, tags=tags).info.run_id
    for name, value in RESULTS.items():
        client.log_metric(run, name, value)
    for name, value in params.items():
        client.log_param(run, name.replace("__", "."), value)
    client.set_terminated(run, "FINISHED")


def view(client: MlflowClient, experiment: str) -> Mapping[str, Any]:
    return json.loads(json.loads(client.get_experiment(experiment).tags[TAG])["state"])


def test_the_results_of_each_problem_are_shown_and_what_differs(
    client: MlflowClient, experiment: str
) -> None:
    add_run(client, experiment, seed=0, model__layers=2, pretraining__log_every=10)
    renew_view(client, experiment)
    assert view(client, experiment)["selectedColumns"] == SHOWN
    add_run(client, experiment, seed=0, model__layers=4, pretraining__log_every=20)
    add_run(client, experiment, stage="corpus", seed=7)
    renew_view(client, experiment)
    assert view(client, experiment)["selectedColumns"] == [*SHOWN, "params.`model.layers`"]


def test_parameters_of_a_part_on_its_own_are_shown_where_they_differ_among_its_runs(
    client: MlflowClient, experiment: str
) -> None:
    add_run(client, experiment, seed=0, model__layers=2)
    add_run(client, experiment, stage="evaluate", model="runs:/1")
    renew_view(client, experiment)
    assert view(client, experiment)["selectedColumns"] == SHOWN
    add_run(client, experiment, stage="evaluate", model="runs:/2")
    renew_view(client, experiment)
    assert view(client, experiment)["selectedColumns"] == [*SHOWN, "params.`model`"]


def test_a_view_that_a_person_has_saved_stays(client: MlflowClient, experiment: str) -> None:
    own = json.dumps({"name": "results", "createdAt": 0, "updatedAt": 1795626038078, "state": "{}"})
    client.set_experiment_tag(experiment, TAG, own)
    add_run(client, experiment, seed=0)
    renew_view(client, experiment)
    assert client.get_experiment(experiment).tags[TAG] == own


def test_the_mean_and_the_spread_over_seeds_are_beside_the_result(
    client: MlflowClient, experiment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = ("seeds_mean", "seeds_spread")
    for model in models:
        for metric in ("accuracy", "macro_f1"):
            monkeypatch.setitem(RESULTS, f"downstream/mood/{model}/{metric}", 0.6)
    add_run(client, experiment)
    renew_view(client, experiment)
    both = [f"metrics.`downstream/mood/{model}/accuracy`" for model in models]
    assert view(client, experiment)["selectedColumns"] == [SHOWN[0], *both, *SHOWN[1:]]


def test_without_results_nothing_is_shown() -> None:
    assert columns_of([]) == []
