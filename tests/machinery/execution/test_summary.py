"""The summary of a run, as JSON and back."""

from __future__ import annotations

from tasks.machinery.execution.summary import RunSummary, StageSummary, TrackingSummary
from tasks.machinery.naming.title import Title

TITLE = Title("finetuning", "mood")


def a_summary(version: str = "") -> RunSummary:
    stage = StageSummary(
        name=TITLE,
        state="cached",
        fingerprint="ab",
        run_id="r",
        seconds=1.5,
        path="/tmp/x/output",
        pages="/tmp/x/pages",
    )
    mlflow = TrackingSummary(
        tracking_uri="sqlite:///x", url="", experiment_id="1", run_id="p", delivered=True
    )
    return RunSummary(
        experiment="demo",
        flow_run_id="f",
        flow_run_url="",
        mlflow=mlflow,
        stages=[stage],
        metrics={"pretraining/validation_loss": 1.0},
        version=version,
    )


def test_a_summary_is_read_back_from_its_json() -> None:
    summary = a_summary(version="3")
    assert RunSummary.model_validate(summary.as_json()) == summary
    assert summary.stage(TITLE).title.problem == "mood"


def test_the_json_of_a_summary_has_the_keys_that_people_read() -> None:
    found = a_summary().as_json()
    assert list(found) == [
        "experiment",
        "flow_run_id",
        "flow_run_url",
        "mlflow",
        "stages",
        "metrics",
    ]
    [stage] = found["stages"]
    assert stage["name"] == "finetuning mood"
    assert set(stage) == {
        "name",
        "state",
        "fingerprint",
        "run_id",
        "seconds",
        "path",
        "pages",
        "model",
    }
    assert set(found["mlflow"]) == {"tracking_uri", "url", "experiment_id", "run_id", "delivered"}
