"""A part on its own asks for the very stages that a whole experiment asks for."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from flows.presets.loading import load_experiment
from flows.recipes.experiment import recipe
from flows.recipes.parts import pretraining_recipe
from tasks.contract import StageError
from tasks.experiment.experiment import Experiment
from tasks.experiment.jobs import EvaluateJob, FinetuneJob, PretrainJob, check_pretraining
from tasks.experiment.mistakes import InvalidExperimentError
from tasks.machinery.execution.planner import Planner
from tasks.machinery.store.store import Store
from tests.support.tiny_experiment import write_experiment


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Experiment:
    return load_experiment(str(write_experiment(tmp_path_factory.mktemp("tiny"))))


def keys_of(recipe: Any) -> dict[str, str]:
    planner = Planner(Store(Path("nowhere")))
    recipe(planner)
    return {step.title: step.fingerprint for step in planner.steps}


def test_pre_training_alone_has_the_keys_of_the_whole(whole: Experiment) -> None:
    job, keys = PretrainJob.of(whole), keys_of(partial(recipe, whole))
    alone = keys_of(partial(pretraining_recipe, job))
    assert alone == {title: keys[title] for title in alone}
    assert list(alone)[-1] == "pretraining"
    turned = job.model_copy(update={"held_out": job.held_out[::-1]})
    assert keys_of(partial(pretraining_recipe, turned)) == alone
    free = keys_of(partial(pretraining_recipe, job.model_copy(update={"held_out": []})))
    assert free["corpus"] != alone["corpus"]


def test_the_jobs_of_an_experiment_have_its_values(whole: Experiment) -> None:
    job = PretrainJob.of(whole)
    assert job.experiment == whole.model_copy(
        update={"downstream": [], "evaluation": Experiment().evaluation}
    )
    tuning = FinetuneJob.of("x", whole, whole.downstream)
    assert tuning.experiment.downstream == whole.downstream
    assert tuning.experiment.evaluation == whole.evaluation
    seeded = whole.model_copy(update={"seed": 3, "split_seed": 4})
    asked = EvaluateJob.of("x", seeded, whole.downstream[1])
    assert (asked.seed, asked.split_seed) == (3, 4)
    assert (asked.experiment.seed, asked.experiment.split_seed) == (3, 4)
    assert asked.data == whole.downstream[1].data
    assert asked.evaluation.bootstrap_samples == whole.evaluation.bootstrap_samples


def test_a_mistake_in_what_is_held_out_names_it(whole: Experiment) -> None:
    [mood, names] = PretrainJob.of(whole).held_out
    lost = mood.model_copy(update={"source": mood.source.replace("moods", "moodz")})
    with pytest.raises(StageError, match=r"^held_out.mood.source: .*did you mean .*moods.csv"):
        keys_of(partial(pretraining_recipe, PretrainJob(held_out=[lost])))
    twice = PretrainJob(held_out=[names, names])
    with pytest.raises(InvalidExperimentError, match=r"held_out.0.name: names is the name of 2"):
        check_pretraining(twice)
