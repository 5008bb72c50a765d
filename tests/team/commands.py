"""The command as a person of a team calls it, and what MLflow then has."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping

from mlflow import MlflowClient
from mlflow.entities import Run

from tests.support.command import call


def temper(environment: Mapping[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """Call the command to its end."""
    return call(*words, environment=environment, timeout=500)


def runs_of(client: MlflowClient, experiment: str) -> list[Run]:
    """Every run of an experiment."""
    found = client.get_experiment_by_name(experiment)
    assert found is not None
    return list(client.search_runs([found.experiment_id], max_results=1000))


def stage_of(run: Run) -> str:
    """Which stage a run is of; `experiment` for a parent."""
    return run.data.tags["temper.stage"]
