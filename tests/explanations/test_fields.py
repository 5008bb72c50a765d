"""What cannot be explained is refused before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.presets.loading import load_any, load_experiment
from tasks.experiment.images.consistency import check as check_images
from tasks.experiment.mistakes import InvalidExperimentError, check
from tests.support.tiny_experiment import write_experiment
from tests.support.tiny_images import write_image_experiment


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_experiment(tmp_path_factory.mktemp("text")))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (["evaluation.explain=[oclusion]"], "accepted: a list of attention-rollout, integrated"),
        (["evaluation.explain=[oclusion]"], "did you mean occlusion"),
        (["evaluation.explain=[occlusion, occlusion]"], "'occlusion' twice; accepted: each once"),
        (["evaluation.explain=occlusion"], "found 'occlusion'; accepted: a list of attention-"),
        (["evaluation.explained_rows=50"], "evaluation.explain is empty; the field counts only"),
    ],
)
def test_a_mistake_says_what_is_accepted(text: str, settings: list[str], said: str) -> None:
    with pytest.raises(InvalidExperimentError) as caught:
        check(load_experiment(text, settings))
    assert said in str(caught.value)


def test_problems_that_cannot_be_explained_are_refused_if_there_is_no_other(text: str) -> None:
    asked = ["evaluation.explain=[occlusion]", "evaluation.probe_layers=true"]
    mixed = load_experiment(text, asked)
    check(mixed)
    (names,) = [problem for problem in mixed.downstream if problem.name == "names"]
    written = names.model_copy(update={"problem": "generation"})
    with pytest.raises(InvalidExperimentError) as caught:
        check(mixed.model_copy(update={"downstream": [written]}))
    for field in ("explain: the problem is generation", "probe_layers: the problem is generation"):
        assert f"evaluation.{field}" in str(caught.value)


def test_attention_is_asked_of_models_that_have_some(tmp_path: Path) -> None:
    file = str(write_image_experiment(tmp_path))
    asked = "evaluation.explain=[attention-rollout, occlusion]"
    with pytest.raises(InvalidExperimentError) as caught:
        check_images(load_any(file, [asked]))
    assert "found attention-rollout, but the model has no attention" in str(caught.value)
    assert "accepted with it: integrated-gradients, occlusion" in str(caught.value)
    check_images(load_any(file, [asked, "model.family=vit"]))
