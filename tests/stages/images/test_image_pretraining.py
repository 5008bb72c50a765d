"""Pre-training on pictures learns, is the same twice, and resumes to the bit."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModel

from tasks.contract import Silent, StageError
from tasks.experiment.images.model import ImageModel
from tasks.experiment.images.pictures import Pixels
from tasks.experiment.images.training import Augmentation, ImagePretraining
from tasks.experiment.pretraining import Checkpoints
from tasks.objectives import images as objectives
from tasks.pages import pretraining_card
from tasks.stages.images.pretraining import pretrain_on_images
from tests.support.shown import shown
from tests.support.tiny_pixels import SIZE, write_pixels

FEW = {"steps": 6, "batch_size": 16, "log_every": 2, "precision": "fp32"}
FITTING = {"classification": "resnet", "simclr": "resnet", "masked-image": "vit"}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pixels(tmp_path_factory.mktemp("data") / "pixels")


def train(
    out: Path, data: Path, monitor=None, family="resnet", seed=0, checkpoints=None, **changes
):
    out.mkdir()
    return pretrain_on_images(
        model=ImageModel(family=family),
        pretraining=ImagePretraining(**{**FEW, **changes}),
        pixels=Pixels(size=SIZE),
        seed=seed,
        data=data,
        out=out,
        monitor=monitor or Silent(),
        checkpoints=checkpoints,
    )


class KilledError(Exception):
    """The process was killed."""


class Dying(Silent):
    """Ends the training at a step, like a kill: nothing is written then."""

    def __init__(self, checkpoints: Path, step: int) -> None:
        super().__init__(checkpoints)
        self.step = step

    def progress(self, done: int, total: int, unit: str) -> None:
        if unit == "steps" and done >= self.step:
            raise KilledError


@pytest.mark.parametrize("objective", objectives.names())
def test_a_killed_training_resumes_to_the_same_bits(objective, data, tmp_path) -> None:
    changes = {"objective": objective, "family": FITTING[objective]}
    changes["augmentation"] = Augmentation(blur=0.3, erase=0.3, mixup=0.4)
    whole = train(tmp_path / "whole", data, **changes)
    often = Checkpoints(every_steps=2)
    with pytest.raises(KilledError):
        dying = Dying(tmp_path / "checkpoints", step=5)
        train(tmp_path / "killed", data, dying, checkpoints=often, **changes)
    again = Silent(tmp_path / "checkpoints")
    resumed = train(tmp_path / "resumed", data, again, checkpoints=often, **changes)
    assert "resumed_from" in again.facts
    assert resumed == whole
    first, second = (
        load_file(tmp_path / name / "model" / "model.safetensors") for name in ("whole", "resumed")
    )
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_another_seed_gives_other_weights(data, tmp_path) -> None:
    train(tmp_path / "a", data, steps=1)
    train(tmp_path / "b", data, steps=1, seed=1)
    first, second = (load_file(tmp_path / n / "model" / "model.safetensors") for n in "ab")
    assert any(not torch.equal(first[name], second[name]) for name in first)


def test_what_is_written_is_a_model_of_transformers_and_a_page(data, tmp_path) -> None:
    metrics = train(tmp_path / "out", data)
    model = AutoModel.from_pretrained(tmp_path / "out" / "model")
    assert model.config.model_type == "resnet"
    assert metrics["pictures"] == 6 * 16
    assert metrics["epochs"] == pytest.approx(96 / 90)
    assert 0 <= metrics["probe_accuracy"] <= 1
    assert json.loads((tmp_path / "out" / "metrics.json").read_text()) == metrics
    pages = shown(pretraining_card.show, tmp_path / "out")
    card = (pages / "card.md").read_text()
    assert "has seen 96 pictures" in card
    assert "labels by the nearest neighbour" in card
    assert (pages / "loss.png").is_file()


def test_without_labels_classification_says_what_else_there_is(tmp_path) -> None:
    data = write_pixels(tmp_path / "pixels")
    for split in ("train", "validation"):
        table = pd.read_parquet(data / f"{split}.parquet").assign(label="")
        table.to_parquet(data / f"{split}.parquet")
    (data / "labels.json").write_text("[]")
    with pytest.raises(StageError, match=r"classification learns the labels.*120 of 120 pictures"):
        train(tmp_path / "out", data)


def test_fewer_pictures_than_a_batch_are_refused(data, tmp_path) -> None:
    with pytest.raises(
        StageError, match=r"there are 90 pictures to train on, fewer than one batch"
    ):
        train(tmp_path / "out", data, batch_size=91)


# Family, objective, steps, learning rate, and by how much the loss is below the reference.
LEARNT = [
    ("resnet", "classification", 80, 3e-3, 0.5),
    pytest.param("convnext", "classification", 80, 3e-3, 0.4, marks=pytest.mark.long),
    pytest.param("vit", "classification", 120, 1e-3, 0.5, marks=pytest.mark.long),
    ("resnet", "simclr", 60, 3e-3, 0.5),
    ("vit", "masked-image", 120, 2e-3, 0.01),
    pytest.param("swin", "classification", 120, 1e-3, 0.5, marks=pytest.mark.long),
    ("swin", "masked-image", 120, 2e-3, 0.01),
]


@pytest.mark.slow
@pytest.mark.parametrize(("family", "objective", "steps", "rate", "margin"), LEARNT)
def test_it_learns_far_below_its_reference(
    family, objective, steps, rate, margin, data, tmp_path
) -> None:
    still = Augmentation() if objective == "simclr" else Augmentation(crop=0.9, rotation=0)
    metrics = train(
        tmp_path / "out",
        data,
        family=family,
        objective=objective,
        steps=steps,
        batch_size=32,
        learning_rate=rate,
        augmentation=still,
    )
    reference = objectives.load(objective).REFERENCE[1]
    assert metrics["validation_loss"] < metrics[reference] - margin
    assert metrics["probe_accuracy"] > 1 / 3 + 0.3
