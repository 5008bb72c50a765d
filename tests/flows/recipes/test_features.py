"""The features of a frozen encoder: a stage of probes alone, which several of them share."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.presets.loading import load_experiment
from flows.recipes.experiment import recipe
from tasks.machinery.execution.planner import Planner
from tasks.machinery.store.store import Store
from tests.support.tiny_experiment import write_experiment

PROBE = "downstream.mood.tuning.method=probe"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_experiment(tmp_path_factory.mktemp("features"))


def planned(file: Path, *settings: str) -> dict[str, str]:
    """The fingerprint of each stage, by its title."""
    planner = Planner(Store(Path("no store")))
    recipe(load_experiment(str(file), settings), planner)
    return {step.title: step.fingerprint for step in planner.steps}


def test_other_rates_and_epochs_and_fewer_labels_read_the_same_features(file: Path) -> None:
    plain, first = planned(file), planned(file, PROBE)
    assert {*first} - {*plain} == {"features mood"}
    others = ["tuning.learning_rate=0.1", "epochs=9", "batch_size=5", "label_smoothing=0.1"]
    for other in others:
        found = planned(file, PROBE, f"downstream.mood.{other}")
        assert found["features mood"] == first["features mood"]
        assert found["finetuning mood"] != first["finetuning mood"]
    curve = planned(file, PROBE, "evaluation.learning_curve=[0.5]", "evaluation.seeds=2")
    assert [title for title in curve if title.startswith("features")] == ["features mood"]
    assert curve["features mood"] == first["features mood"]


def test_what_is_read_is_in_the_key_of_the_features(file: Path) -> None:
    first = planned(file, PROBE)["features mood"]
    for other in ("max_length=9", "train_examples=20", "precision=bf16"):
        assert planned(file, PROBE, f"downstream.mood.{other}")["features mood"] != first
    chosen = ("downstream.mood.train_examples=20", "evaluation.seeds=2")
    seeds = [title for title in planned(file, PROBE, *chosen) if title.startswith("features")]
    assert seeds == ["features mood", "features mood seed 1"], "another seed chooses other rows"
