"""From Prefect to MLflow and back, in the pages of real servers; and no dead links without them."""

from __future__ import annotations

from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    FlowRunFilter,
    FlowRunFilterId,
)
from prefect.client.schemas.objects import FlowRun, StateType

from flows.presets.loading import load_experiment
from tasks.experiment.jobs import EvaluateJob
from tasks.machinery.tracking.links import run_page
from tasks.machinery.tracking.tags import used_stages
from tests.proofs.up.conftest import NOTE, Before
from tests.support.process import runs_of
from tests.support.tiny_experiment import STAGES
from tests.support.up import Up

pytestmark = pytest.mark.slow

NEW = {"pretraining", "finetuning mood", "evaluation mood", "finetuning names from scratch"}


def pages_of(up: Up, flow_run: FlowRun) -> dict[str, str]:
    """The pages that a flow run shows, by key."""
    this = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[flow_run.id]))
    with up.client() as client:
        found = client.read_artifacts(artifact_filter=this)
    return {page.key: str(page.data) for page in found if page.type == "markdown"}


def task_runs_of(up: Up, flow_run: FlowRun) -> dict[str, Any]:
    this = FlowRunFilter(id=FlowRunFilterId(any_=[flow_run.id]))
    with up.client() as client:
        return {each.name: each for each in client.read_task_runs(flow_run_filter=this)}


def of_flow_run(up: Up, flow_run: FlowRun) -> list[Run]:
    tag = "temper.flow_run_id"
    return [run for run in runs_of(up.folder) if run.data.tags.get(tag) == str(flow_run.id)]


@pytest.mark.long
def test_each_page_leads_to_its_run_and_each_run_leads_back(before: Before, up: Up) -> None:
    assert len(before.notes) == STAGES + 1
    for note in before.notes.values():
        assert "http" not in note, "the temporary server is gone"

    prefect, mlflow = (f"http://127.0.0.1:{port}" for port in up.ports)
    first, second = up.trigger(steps=16), up.trigger(steps=16)
    flow_run = up.wait_for(first)
    assert flow_run.state_type == StateType.COMPLETED
    twice = up.wait_for(second)
    assert twice.state_type == StateType.CANCELLED
    assert str(first.id) in twice.state.message

    tasks = task_runs_of(up, flow_run)
    assert tasks.keys() > NEW
    assert {"dataset mood", "corpus", "tokenizer", "report"} < tasks.keys()
    made = of_flow_run(up, flow_run)
    [parent] = [run for run in made if run.data.tags["temper.stage"] == "experiment"]
    children = [run for run in made if run is not parent]
    assert len(children) >= len(NEW)
    back = f"[{flow_run.name}]({prefect}/"
    for run in made:
        assert back in run.data.tags[NOTE], run.info.run_name
        assert f"/flow-run/{flow_run.id})" in run.data.tags[NOTE]
    assert "# tiny: results" in parent.data.tags[NOTE]

    pages = pages_of(up, flow_run)
    stages = used_stages(parent.data.tags)
    assert len(stages) == STAGES
    for title, stage in stages.items():
        run_id = stage.run_id
        page = pages[title.replace(" ", "-")]
        address = run_page(mlflow, parent.info.experiment_id, run_id)
        assert page.startswith(f"[Run in MLflow]({address})"), title
        assert MlflowClient(mlflow).get_run(run_id).info.status == "FINISHED"

    model = f"runs:/{parent.info.run_id}/finetuning mood"
    whole = load_experiment(str(up.file))
    form = EvaluateJob.of(model, whole, whole.downstream[0]).model_dump(mode="json")
    with up.client() as client:
        offered = client.read_deployment_by_name("evaluate/evaluate-model")
        asked = client.create_flow_run_from_deployment(offered.id, parameters={"job": form})
    evaluated = up.wait_for(asked)
    assert evaluated.state_type == StateType.COMPLETED
    assert evaluated.name == f"evaluate {model} · mood"
    assert "Fine-tuned by Temper" in pages_of(up, evaluated)["report"]
