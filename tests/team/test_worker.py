"""Flow runs that a worker of a work pool starts, and those of the worker in `compose.yaml`."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from mlflow import MlflowClient
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

from flows.presets.loading import load_experiment
from tests.conftest import ROOT
from tests.support.tiny_experiment import write_experiment
from tests.team.commands import runs_of
from tests.team.servers import PREFECT_AUTH, SECRETS, Team

pytestmark = pytest.mark.slow

ENDED = (StateType.COMPLETED, StateType.FAILED, StateType.CRASHED, StateType.CANCELLED)


@pytest.fixture
def prefect(team: Team) -> Iterator[Team]:
    """This process asks Prefect as a person of the team."""
    settings = {PREFECT_API_URL: team.prefect, PREFECT_API_AUTH_STRING: PREFECT_AUTH}
    with temporary_settings(settings):
        yield team


def trigger(deployment: str, experiment: Path, name: str) -> UUID:
    """Start a run of a deployment as the UI does."""
    form = load_experiment(str(experiment), [f"name={name}", "downstream=[]"])
    with get_client(sync_client=True) as client:
        found = client.read_deployment_by_name(deployment)
        parameters = {"experiment": form.model_dump(mode="json")}
        return client.create_flow_run_from_deployment(found.id, parameters=parameters).id


def wait_for(flow_run: UUID, seconds: float = 300) -> FlowRun:
    """Wait until a flow run has ended."""
    until = time.monotonic() + seconds
    with get_client(sync_client=True) as client:
        while True:
            found = client.read_flow_run(flow_run)
            if found.state_type in ENDED:
                return found
            assert time.monotonic() < until, f"{found.name} is {found.state_type}"
            time.sleep(1)


def prefect_command(environment: dict[str, str], *words: str) -> str:
    """Call Prefect's command; what it says."""
    done = subprocess.run(
        [sys.executable, "-m", "prefect", "--no-prompt", *words],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.long
def test_a_worker_of_a_process_pool_runs_an_experiment(
    prefect: Team, mlflow: MlflowClient, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    environment = prefect.environment(home) | {"PREFECT_HOME": str(home / "prefect")}
    environment |= {"PREFECT_LOCAL_STORAGE_PATH": str(home / "prefect" / "storage")}
    prefect_command(environment, "work-pool", "create", "temper", "--type", "process")
    names = ("--name", "process", "--name", "retrain-process")
    deployed = prefect_command(
        environment, "deploy", "--prefect-file", "mlflow/prefect.yaml", *names
    )
    assert "experiment/process" in deployed
    assert "retrain/retrain-process" in deployed
    log = tmp_path / "worker.log"
    with log.open("w") as output:
        command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "temper"]
        worker = subprocess.Popen(command, env=environment, cwd="/", stdout=output, stderr=output)
    try:
        experiment = write_experiment(tmp_path / "data")
        ended = wait_for(trigger("experiment/process", experiment, "pooled"))
        assert ended.state_type == StateType.COMPLETED, log.read_text()[-3000:]
        assert ended.name == "downstream=[] · pooled · bert 1×16 · 12 steps"
        assert ended.work_pool_name == "temper"
        assert {run.info.status for run in runs_of(mlflow, "pooled")} == {"FINISHED"}
        again = wait_for(trigger("experiment/process", experiment, "pooled"))
        assert again.state_type == StateType.COMPLETED
        with get_client(sync_client=True) as client:
            states = [
                task.state.name
                for task in client.read_task_runs()
                if task.flow_run_id == again.id and task.state
            ]
        assert set(states) == {"Cached"}
    finally:
        worker.terminate()
        worker.wait(timeout=60)
    assert not any(secret in log.read_text() for secret in SECRETS)


def test_the_worker_of_compose_offers_deployments_and_runs_them(
    prefect: Team, mlflow: MlflowClient, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    (home / "prefect").mkdir(parents=True)
    prefect.launch("worker", TEMPER_HOME=str(home), PREFECT_HOME=str(home / "prefect"))
    try:
        until = time.monotonic() + 120
        while not (home / "serving.json").exists():  # its health, as compose.yaml asks for it
            assert time.monotonic() < until, prefect.log("worker")[-2000:]
            time.sleep(0.5)
        file = write_experiment(tmp_path / "data")
        ended = wait_for(trigger("experiment/blank", file, "served"))
        assert ended.state_type == StateType.COMPLETED, prefect.log("worker")[-3000:]
        assert {run.info.status for run in runs_of(mlflow, "served")} == {"FINISHED"}
        assert time.time() - (home / "serving.json").stat().st_mtime < 180
    finally:
        prefect.stop("worker")
    assert not any(secret in prefect.log("worker") for secret in SECRETS)
