"""Several training seeds: a fine-tuning each, cached each, and one evaluation of all."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.presets.loading import load_experiment
from flows.recipes.experiment import recipe
from tasks.machinery.execution.planner import Planner
from tasks.machinery.naming.title import Title
from tasks.machinery.store.store import Store
from tests.support.stages_alone import StagesAlone
from tests.support.tiny_experiment import write_experiment


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_experiment(tmp_path_factory.mktemp("tiny")))


def planned(file: str, *settings: str) -> dict[str, str]:
    """The fingerprint of each stage by its title."""
    planner = Planner(Store(Path("nowhere")))
    recipe(load_experiment(file, list(settings)), planner)
    return {step.title: step.fingerprint for step in planner.steps}


def test_one_seed_is_the_experiment_as_it_was(file: str) -> None:
    assert planned(file, "evaluation.seeds=1") == planned(file)


def test_each_further_seed_is_a_stage_that_more_seeds_find_again(file: str) -> None:
    one, two, three = (planned(file, f"evaluation.seeds={seeds}") for seeds in (1, 2, 3))
    for fewer, more, seed in ((one, two, 1), (two, three, 2)):
        assert more.keys() - fewer.keys() == {
            f"finetuning {problem}{variant} seed {seed}"
            for problem in ("mood", "names")
            for variant in ("", " from scratch")
        }
        changed = {title for title in fewer if fewer[title] != more[title]}
        assert changed == {"evaluation mood", "evaluation names", "report"}


def test_seeds_are_counted_from_that_of_the_experiment(file: str) -> None:
    found = planned(file, "seed=5", "evaluation.seeds=3")
    assert found.keys() >= {f"finetuning mood seed {seed}" for seed in (6, 7)}


def test_without_a_model_from_scratch_the_model_alone_is_trained_again(file: str) -> None:
    found = planned(file, "evaluation.seeds=2", "evaluation.from_scratch=false")
    assert [title for title in found if title.endswith("seed 1")] == [
        "finetuning mood seed 1",
        "finetuning names seed 1",
    ]


@pytest.mark.slow
def test_mean_and_spread_are_those_of_the_seeds(file: str, tmp_path: Path) -> None:
    alone, computed = StagesAlone(Store(tmp_path / "store")), {}

    def call(stage, label="", /, **arguments):
        artifact = alone(stage, label, **arguments)
        computed[str(Title(stage.name, label))] = artifact
        return artifact

    settings = ["downstream.mood.epochs=6", "downstream.mood.learning_rate=5e-3"]
    recipe(load_experiment(file, [*settings, "evaluation.seeds=3"]), call)
    metrics = computed["evaluation mood"].metrics
    assert metrics["seeds"] == 3
    assert metrics["accuracy/low"] <= metrics["accuracy"] <= metrics["accuracy/high"]
    # So few rows may all be answered alike; how sure the answers are differs.
    assert metrics["seeds_spread/calibration_error"] > 0
    weights = {
        title: artifact.files["model/model.safetensors"]
        for title, artifact in computed.items()
        if title.startswith("finetuning mood")
    }
    assert len(set(weights.values())) == len(weights) == 6
    before = {title: artifact.path for title, artifact in computed.items()}
    recipe(load_experiment(file, [*settings, "evaluation.seeds=2"]), call)
    for title in weights:
        assert computed[title].path == before[title]
    assert computed["evaluation mood"].metrics["accuracy"] == metrics["accuracy"]
