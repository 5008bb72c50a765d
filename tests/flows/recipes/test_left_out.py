"""A problem that a stage behind the evaluation cannot look at is left out, and reported."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.presets.loading import load_experiment
from flows.recipes.experiment import recipe
from tasks.machinery.execution.planner import Planner
from tasks.machinery.store.store import Store
from tests.support.tiny_experiment import write_experiment


@pytest.mark.parametrize(
    ("setting", "stage"),
    [
        ("evaluation.calibration=temperature", "calibration"),
        ("evaluation.mislabelled=true", "mislabelled"),
        ("evaluation.probe_layers=true", "probing"),
    ],
)
def test_entities_are_left_out_where_classes_are_looked_at(
    setting: str, stage: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    experiment = load_experiment(str(write_experiment(tmp_path / "data")), [setting])
    planner = Planner(Store(tmp_path / "store"))
    recipe(experiment, planner)
    titles = [step.title for step in planner.steps]
    assert f"{stage} mood" in titles
    assert f"{stage} names" not in titles
    field = setting.partition("=")[0]
    assert f"{field}: downstream.names is left out, since the answers of token-class" in caplog.text
