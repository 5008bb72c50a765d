"""A size by name is its numbers: in keys, in the plan, and beside numbers that are given."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from flows.presets.loading import load_experiment
from flows.recipes.experiment import recipe
from tasks import families
from tasks.experiment.experiment import Experiment
from tasks.experiment.mistakes import InvalidExperimentError, validated
from tasks.experiment.model import Model, sizes_of
from tasks.machinery.execution.planner import Planner
from tasks.machinery.store.store import Store
from tasks.timing.fitting import parameters_of
from tests.support.tiny_experiment import write_experiment


def keys(experiment: Experiment, folder: Path) -> dict[str, str]:
    planner = Planner(Store(folder))
    recipe(experiment, planner)
    return {step.title: step.fingerprint for step in planner.steps}


def test_a_size_and_its_numbers_are_one_cache_entry(tmp_path: Path) -> None:
    file = str(write_experiment(tmp_path))
    numbers = ["model.layers=2", "model.hidden_size=128", "model.heads=2"]
    named, written = (
        load_experiment(file, settings) for settings in (["model.size=tiny"], numbers)
    )
    assert named.model.size == "tiny"
    assert keys(named, tmp_path) == keys(written, tmp_path)


def test_numbers_that_are_given_win(tmp_path: Path) -> None:
    found = Model(size="base", layers=3)
    assert (found.layers, found.hidden_size, found.heads) == (3, 768, 12)
    assert Model(size="base", heads=0).heads == 12  # as a form has it
    experiment = load_experiment(
        str(write_experiment(tmp_path)), ["model.heads=4", "model.size=mini", "model.layers=1"]
    )
    assert (experiment.model.layers, experiment.model.hidden_size) == (1, 256)
    assert experiment.model.heads == 4


def test_without_a_size_the_numbers_are_those_of_before() -> None:
    found = Model()
    assert (found.layers, found.hidden_size, found.heads, found.intermediate_size) == (4, 256, 4, 0)
    assert found == Model(layers=4, hidden_size=256, heads=4)


def test_an_unknown_size_is_refused_with_those_of_the_family() -> None:
    with pytest.raises(InvalidExperimentError) as caught:
        validated({"model": {"family": "gpt2", "size": "base"}})
    [line] = caught.value.lines
    assert line == (
        "model.size: found 'base'; accepted with model.family gpt2: tiny, mini, small, medium, "
        "large, xl"
    )
    with pytest.raises(InvalidExperimentError, match="hidden_size is 4; accepted: at least 8"):
        validated({"model": {"hidden_size": 4, "heads": 1}})


@pytest.mark.parametrize("family", families.names())
def test_a_family_states_sizes_from_small_to_large(family: str) -> None:
    found = sizes_of(family)
    assert "tiny" in found
    models = [Model(family=family, size=size) for size in found]
    counted = [parameters_of(model, 30_522) for model in models]
    assert counted == sorted(counted) or family in ("electra", "deberta-v2", "albert")


@pytest.mark.parametrize("family", families.names())
def test_parameters_are_counted_near_to_those_of_the_model(family: str) -> None:
    import transformers

    from tasks.timing.synthetic import MadeUpTokenizer

    model = Model(family=family, size=list(sizes_of(family))[1])
    config = families.load(family).configure(model, MadeUpTokenizer(8192), 0.0)
    with torch.device("meta"):
        real = transformers.AutoModel.from_config(config).num_parameters()
    assert parameters_of(model, 8192) == pytest.approx(real, rel=0.05)
