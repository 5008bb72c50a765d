"""What the functions of Python return says what it is, and what there is where a name is wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flows.calls.named import UnknownNameError
from flows.calls.results import Compared, Plan, Run
from tasks.comparison.comparison import Comparison
from tasks.comparison.energy import Power
from tasks.comparison.past_run import PastRun
from tasks.experiment.experiment import Experiment
from tasks.machinery.execution.planner import Step
from tasks.machinery.execution.summary import RunSummary, StageSummary, TrackingSummary
from tasks.statistics.significance import Difference

METRICS = {"downstream/mood/accuracy": 0.5, "pretraining/validation_loss": 3.0}


@pytest.fixture
def done() -> Run:
    stage = StageSummary.model_validate(
        {
            "name": "finetuning mood",
            "state": "completed",
            "fingerprint": "f",
            "run_id": "r",
            "seconds": 1.0,
            "path": "",
            "pages": "",
            "model": "models:/m-1",
        }
    )
    where = TrackingSummary(
        tracking_uri="", url="", experiment_id="1", run_id="abc", delivered=True
    )
    summary = RunSummary(
        experiment="moods",
        flow_run_id="",
        flow_run_url="",
        mlflow=where,
        stages=[stage],
        metrics=METRICS,
    )
    return Run(Experiment(), summary)


def test_a_wrong_name_of_a_model_or_metric_is_an_error_with_the_accepted_ones(done: Run) -> None:
    assert done.models["finetuning mood"] == "models:/m-1"
    with pytest.raises(UnknownNameError) as caught:
        _ = done.models["finetuning moods"]
    assert str(caught.value) == (
        "no model 'finetuning moods'; did you mean finetuning mood. Accepted: finetuning mood"
    )
    assert done.metric("mood/accuracy") == done.metric("downstream/mood/accuracy") == 0.5
    with pytest.raises(KeyError, match=r"no metric 'mood/f1'.* Accepted: mood/accuracy, pretrain"):
        done.metric("mood/f1")


def test_a_run_and_a_plan_are_readable(done: Run) -> None:
    assert repr(done) == "run abc of moods: computed 1 of 1 stages"
    steps = (
        Step("corpus", "corpus", "cached", [], "f", 1.0),
        Step("pretraining", "pretraining", "run", ["steps: 1 → 2", "not in the store"], "f", None),
    )
    assert repr(Plan(Experiment(), steps, None)).splitlines() == [
        "corpus                           cached",
        "pretraining                      run     steps: 1 → 2; not in the store",
        "1 of 2 stages run",
    ]


def test_a_comparison_without_differences_says_why() -> None:
    one = PastRun("1", "first", "e", "FINISHED", 0.0, params={"seed": "0"}, metrics=METRICS)
    seed = replace(one, run_id="2", name="second", params={"seed": "1"})
    wide = replace(seed, params={"model.layers": "2"})
    none = Comparison([one, seed], {}, {}, [], [], [], [], Power(1, ""), [], {}, [])
    found = Compared(none)
    assert found.differences.empty
    assert list(found.differences)[:3] == ["problem", "metric", "first"]
    assert found.untested == [
        "These runs differ by the seed alone. Their differences are variation between seeds: "
        "nothing is tested"
    ]
    assert found.untested[0] in repr(found)
    assert repr(Compared(replace(none, runs=[one, wide]))).splitlines() == [
        "A: first (1)",
        "B: second (2)",
        "nothing could be tested",
    ]
    tested = Difference("A", "B", 0.1, 0.05, 0.2, 0.001, 100, problem="mood", adjusted=0.001)
    shown = repr(Compared(replace(none, runs=[one, wide], differences=[tested])))
    assert "mood: A is better than B" in shown
