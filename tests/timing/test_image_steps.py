"""Costs of steps on made-up pictures, their memory, and what `temper plan --time` says of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from flows.commands.main import app
from flows.presets.loading import load_any
from flows.recipes.images import recipe
from tasks.contract import StageError
from tasks.experiment.images.experiment import ImageExperiment
from tasks.experiment.images.model import ImageModel
from tasks.experiment.images.pictures import Pixels
from tasks.experiment.images.problem import ImageTuning
from tasks.experiment.images.training import Augmentation, ImagePretraining
from tasks.experiment.training import TuningMethod
from tasks.machinery.store.artifact import Artifact
from tasks.machinery.store.store import Store
from tasks.timing.image_memory import bytes_of_picture
from tasks.timing.image_planner import expected_of_images
from tasks.timing.image_steps import (
    PictureCost,
    probed_pictures,
    time_image_finetuning,
    time_image_pretraining,
)
from tasks.timing.planner import TimedPlanner
from tasks.training import memory
from tests.support.stages_alone import StagesAlone
from tests.support.tiny_images import write_image_experiment
from tests.support.tiny_pixels import write_image_body

PIXELS = Pixels(size=16)


@pytest.mark.parametrize(
    ("family", "objective"),
    [("resnet", "classification"), ("resnet", "simclr"), ("vit", "masked-image")],
)
def test_a_step_of_pretraining_is_timed_without_pictures(family: str, objective: str) -> None:
    training = ImagePretraining(objective=objective, batch_size=4, steps=10)
    model = ImageModel(family=family)
    cost = time_image_pretraining(model, training, PIXELS, 3)
    assert cost.step > 0
    assert cost.row > 0
    assert cost.parts == 1


def test_a_given_model_is_timed_too(tmp_path: Path) -> None:
    body = write_image_body(tmp_path / "body")
    assert time_image_pretraining(body, ImagePretraining(batch_size=4), PIXELS, 3).step > 0
    training = ImageTuning(batch_size=4)
    found = time_image_finetuning("image-classification", body, training, PIXELS, 3, number=8)
    assert found.step > 0


@pytest.mark.parametrize(
    ("problem", "changes"),
    [
        ("image-classification", {"augmentation": Augmentation(mixup=0.5)}),
        ("several-image-labels", {"class_weights": "balanced", "micro_batch_size": 2}),
        ("semantic-segmentation", {"label_smoothing": 0.1}),
        ("object-detection", {}),
    ],
)
def test_a_step_of_finetuning_is_timed_without_pictures(
    problem: str, changes: dict[str, Any]
) -> None:
    training = ImageTuning(batch_size=4, **changes)
    cost = time_image_finetuning(problem, ImageModel(), training, PIXELS, 3, number=8)
    assert cost.step > 0
    assert cost.row > 0
    assert cost.once == 0
    assert cost.parts == (2 if training.micro_batch_size else 1)


def test_a_probe_reads_each_picture_once() -> None:
    training = ImageTuning(batch_size=4, tuning=TuningMethod(method="probe"))
    cost = time_image_finetuning(
        "image-classification", ImageModel(), training, PIXELS, 3, number=8
    )
    assert cost.once > 0


def test_a_training_is_its_steps_its_validations_and_its_probes() -> None:
    cost = PictureCost(step=2.0, row=0.5, once=0.1)
    training = ImagePretraining(steps=100, validation_pictures=40)
    assert cost.of_pretraining(training, 1000, 0) == 200 + 0.5 * (10 * 40 + 40)
    assert cost.of_pretraining(training, 30, 7) == 200 + 0.5 * (10 * 37 + 37)
    assert cost.of_pretraining(training, 30, 0, begun=75) == 50 + 0.5 * (2.5 * 30 + 30)
    bounded = training.model_copy(update={"minutes": 1.0})
    assert cost.of_pretraining(bounded, 40, 0) == 60 + 0.5 * (10 * 40 + 40)
    tuning = ImageTuning(epochs=3, batch_size=10)
    assert cost.of_finetuning(tuning, 95, 20) == 2 * 29 + 0.5 * 10 * 20 + 0.1 * 115
    assert probed_pictures(5000, 100) == 2048 + 100


def test_the_memory_of_a_picture_grows_with_its_area() -> None:
    layer = torch.nn.Conv2d(3, 8, 3, padding=1)

    def kept(side: int) -> float:
        def loss(count: int) -> torch.Tensor:
            return layer(torch.ones(count, 3, side, side)).square().mean()

        return bytes_of_picture(layer, loss, ImageTuning(precision="fp32"))

    assert kept(8) == 4 * 8 * 8 * (3 + 8)  # what the layer reads, and what is squared
    assert kept(16) == 4 * kept(8)


def test_a_batch_without_room_is_refused_with_what_would_fit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, training = ImageModel(), ImageTuning(batch_size=4096)
    share = memory.SHARE["cuda" if torch.cuda.is_available() else "cpu"]
    monkeypatch.setattr(memory, "total_memory", lambda: int(40e6 / share))
    with pytest.raises(StageError, match=r"4,096 pictures at once take.*set micro_batch_size to"):
        time_image_finetuning("image-classification", model, training, PIXELS, 3, number=8)
    monkeypatch.setattr(memory, "total_memory", lambda: int(1e6))
    with pytest.raises(StageError, match=r"does not fit: about 1 M weights with their gradients"):
        time_image_finetuning("image-classification", model, training, PIXELS, 3, number=8)


def loaded(file: Path, *settings: str) -> ImageExperiment:
    found = load_any(str(file), settings)
    assert isinstance(found, ImageExperiment)
    return found


@pytest.mark.slow
def test_stored_pictures_are_counted_and_their_number_is_needed(tmp_path: Path) -> None:
    experiment = loaded(write_image_experiment(tmp_path / "data"))
    planner = TimedPlanner(Store(tmp_path / "store"))
    recipe(experiment, planner)
    found = expected_of_images(planner, experiment)
    assert found.keys() == {step.title for step in planner.steps}
    assert found["pretraining"].at_most
    assert "its pictures are not prepared yet" in found["finetuning kinds"].missing
    alone = StagesAlone(Store(tmp_path / "store"))

    class PreparedError(Exception):
        """What follows is not computed."""

    def prepared(stage: Any, label: str = "", /, **arguments: Any) -> Artifact:
        if stage.name == "pretraining":
            raise PreparedError
        return alone(stage, label, **arguments)

    with pytest.raises(PreparedError):
        recipe(experiment, prepared)
    said: list[str] = []
    planner = TimedPlanner(Store(tmp_path / "store"))
    recipe(experiment, planner)
    found = expected_of_images(planner, experiment, said.append)
    assert {"pixels", "images kinds"}.isdisjoint(found)
    for title in ("pretraining", "finetuning kinds"):
        assert found[title].seconds is not None
        assert not found[title].at_most
        assert f"measuring some steps of {title} …" in said
    assert found["finetuning kinds"] == found["finetuning kinds from scratch"]
    assert len(said) == 2


def test_the_command_tells_the_times_of_images(home: Path, tmp_path: Path) -> None:
    file = write_image_experiment(tmp_path / "data")
    words = ["plan", str(file), "--time", "--set", "downstream=[]"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    said = " ".join(done.output.split())
    assert "pretraining at most" in said
    assert "images unknown (never computed here)" in said
