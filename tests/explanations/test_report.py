"""What an explanation and probes found stands in the report of the experiment."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from flows.presets.loading import load_experiment
from flows.recipes.experiment import recipe
from tasks.machinery.store.store import Store
from tests.support.stages_alone import StagesAlone
from tests.support.tiny_experiment import write_experiment

SETTINGS = [
    "evaluation.explain=[occlusion, attention-rollout]",
    "evaluation.explained_rows=10",
    "evaluation.probe_layers=true",
    "downstream.mood.epochs=1",
]


@pytest.mark.slow
def test_the_report_has_a_line_for_each_problem_that_is_explained(tmp_path: Path) -> None:
    file = write_experiment(tmp_path / "data")
    values = yaml.safe_load(file.read_text())
    values["downstream"] = values["downstream"][:1]
    values["pretraining"]["steps"] = 2
    file.write_text(yaml.safe_dump(values, sort_keys=False))
    report = recipe(load_experiment(str(file), SETTINGS), StagesAlone(Store(tmp_path / "store")))
    page = (report.path / "show" / "report.md").read_text()
    assert "## Explanations: mood" in page
    assert "- **Explained: attention-rollout " in page
    assert "; occlusion " in page
    assert "## Probes of layers: mood" in page
    assert "on the validation rows" in page
    assert (report.path / "show" / "mood-layers.png").is_file()
