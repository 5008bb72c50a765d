"""Cancelled in the Prefect UI, a run stops, reports it, and resumes at the next start."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import StateType
from prefect.states import Cancelling

from tests.support.process import finish, start, statuses, wait_for_points
from tests.support.tiny_experiment import write_experiment

pytestmark = pytest.mark.slow

LONG = ["--set", "pretraining.steps=1500"]
EXPERIMENT = "tiny · bert 1×16 · 1,500 steps"


def flow_run_of(folder: Path) -> UUID:
    """The flow run of the experiment in a state folder."""
    return UUID(runs_of(folder, "RUNNING")[0].data.tags["temper.flow_run_id"])


def runs_of(folder: Path, status: str) -> list[Run]:
    """The runs with a status in the state folder's MLflow."""
    client = MlflowClient(f"sqlite:///{folder / 'home' / 'mlflow.db'}")
    experiments = [each.experiment_id for each in client.search_experiments()]
    return list(client.search_runs(experiments, f"attributes.status = '{status}'"))


def test_cancelled_in_the_ui_it_stops_and_goes_on(tmp_path, prefect: str) -> None:
    write_experiment(tmp_path / "data")
    process = start(tmp_path, prefect, *LONG)
    wait_for_points(tmp_path, 100, process)
    flow_run_id = flow_run_of(tmp_path)
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(flow_run_id, Cancelling())  # as the button does
        out, err = process.communicate(timeout=200)
        assert process.returncode == 130, out[-3000:] + err[-3000:]
        assert "Traceback" not in err
        assert client.read_flow_run(flow_run_id).state_type == StateType.CANCELLED
    assert "cancelled in Prefect: interrupted in pretraining at step " in err
    reasons = {run.data.tags["temper.reason"] for run in runs_of(tmp_path, "KILLED")}
    assert reasons == {"cancelled in Prefect"}
    found = statuses(tmp_path)
    assert found.pop("pretraining") == ["KILLED"]
    assert found.pop(EXPERIMENT) == ["KILLED"]
    finish(tmp_path, prefect, *LONG)
    assert {status for each in statuses(tmp_path).values() for status in each} == {"FINISHED"}
