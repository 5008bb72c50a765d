"""What a published model with a head of its own is not asked for is refused, field by field."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.experiment import choices
from tasks.experiment.images.experiment import ImageExperiment
from tasks.experiment.images.own_head import own_head_mistakes
from tasks.experiment.training import Layers
from tasks.families import published

DETECTION = {"name": "cells", "problem": "object-detection", "source": "x"}


def mistakes(family: str, problem: dict[str, Any], **values: Any) -> list[str]:
    given = {"start": "m", "pretraining": {"steps": 0}, "downstream": [DETECTION | problem]}
    experiment = ImageExperiment.model_validate(given | values)
    words = choices.words_of("families/published", family, "_LAYERS")
    found = own_head_mistakes(experiment, family, Layers("hf:some/model", words))
    return [f"{path}: {message}" for path, message in found]


def test_fine_tuning_it_as_it_is_is_accepted() -> None:
    assert mistakes("yolos", {}) == []
    assert mistakes("segformer", {"problem": "semantic-segmentation", "micro_batch_size": 4}) == []
    assert mistakes("yolos", {"gradient_checkpointing": True}) == []


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        (
            {"problem": "semantic-segmentation"},
            "downstream.cells.problem: found semantic-segmentation, but the head of hf:some/model "
            "is for object-detection; accepted with it: object-detection",
        ),
        (
            {"tuning": {"method": "lora"}},
            "downstream.cells.tuning.method: found 'lora', but hf:some/model brings a head and a "
            "loss of its own; accepted with it: 'full'",
        ),
        ({"freeze": "encoder"}, "downstream.cells.freeze: found 'encoder', but"),
        ({"layer_decay": 0.8}, "downstream.cells.layer_decay: found 0.8, but"),
        ({"optimizer": "muon"}, "downstream.cells.optimizer: found 'muon', but"),
        ({"micro_batch_size": 4}, "downstream.cells.micro_batch_size: found 4, but"),
        ({"gradient_checkpointing": True}, "downstream.cells.gradient_checkpointing: found true"),
    ],
)
def test_what_suits_heads_of_ours_alone_is_refused(problem: dict[str, Any], said: str) -> None:
    [found] = mistakes("detr", problem)
    assert found.startswith(said)


def test_it_is_not_pre_trained() -> None:
    [found] = mistakes("detr", {}, pretraining={"steps": 10})
    assert found == (
        "pretraining.steps: found 10, but hf:some/model brings a head of its own, which is "
        "fine-tuned as it is; accepted with it: 0"
    )


@pytest.mark.parametrize("family", published.names())
def test_each_family_says_which_problem_its_head_is_for(family: str) -> None:
    assert published.problem_of(family) in choices.of_pictures()
    assert not {"configure", "HEADS"} & {*vars(published.load(family))}, "it is not made new"
    multiple, least = published.load(family).sides({})
    assert least % multiple == 0


def test_a_type_of_transformers_finds_its_family() -> None:
    assert published.of_type("rt_detr_v2") == "rt-detr"
    assert published.of_type("deformable_detr") == "detr"
    assert published.of_type("resnet") == ""
    assert published.problem_of("resnet") == ""
    assert published.module_of("resnet") == "tasks.families.images.resnet"
