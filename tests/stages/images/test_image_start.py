"""Pre-training continues from a published model, resumes to the bit, and stores a plain model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from PIL import Image
from safetensors.torch import load_file
from transformers import AutoModelForMaskedImageModeling

from tasks.contract import Silent
from tasks.data.images.augmentation import to_tensor
from tasks.data.images.resizing import in_base64
from tasks.experiment.images.pictures import Pixels
from tasks.experiment.images.problem import ImageTuning
from tasks.experiment.images.training import ImagePretraining
from tasks.experiment.pretraining import Checkpoints
from tasks.models.images.continuing import begin_with
from tasks.models.images.normalization import convert_pixels
from tasks.models.images.predictions import answer_pictures
from tasks.models.images.reader_file import Normalization
from tasks.problems.image_classification import served
from tasks.stages.evaluation import evaluate
from tasks.stages.images.finetuning import finetune_on_images
from tasks.stages.images.pretraining import pretrain_on_images
from tests.models.images.test_published_models import fitted, pictures
from tests.stages.images.test_image_pretraining import Dying, KilledError
from tests.support.tiny_images import KINDS, write_pictures
from tests.support.tiny_pixels import SIZE, write_pixels
from tests.support.tiny_published import DEVIATION, MEAN

PROBLEM = "image-classification"
FEW = {"batch_size": 16, "precision": "fp32"}
STARTS = {"classification": "resnet", "simclr": "vit", "masked-image": "vit-simmim"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stored pictures, and published models fitted to them."""
    folder = tmp_path_factory.mktemp("start")
    write_pixels(folder / "data")
    for kind in (*STARTS.values(), "swin-simmim"):
        fitted(folder, kind, SIZE)
    return folder


def start_of(place: Path, kind: str) -> Path:
    return place / f"{kind}-{SIZE}" / "model"


def train(place, out, kind, objective, monitor=None, checkpoints=None):
    out.mkdir()
    return pretrain_on_images(
        pretraining=ImagePretraining(objective=objective, steps=4, log_every=2, **FEW),
        pixels=Pixels(size=SIZE),
        seed=0,
        data=place / "data",
        start=start_of(place, kind),
        out=out,
        monitor=monitor or Silent(),
        checkpoints=checkpoints,
    )


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model" / "model.safetensors")


@pytest.mark.parametrize("objective", STARTS)
def test_a_killed_training_from_a_given_model_resumes_to_the_same_bits(
    objective, place, tmp_path
) -> None:
    kind = STARTS[objective]
    whole = train(place, tmp_path / "whole", kind, objective)
    often = Checkpoints(every_steps=1)
    with pytest.raises(KilledError):
        dying = Dying(tmp_path / "checkpoints", step=3)
        train(place, tmp_path / "killed", kind, objective, dying, often)
    again = Silent(tmp_path / "checkpoints")
    assert train(place, tmp_path / "resumed", kind, objective, again, often) == whole
    assert "resumed_from" in again.facts
    first, second = weights(tmp_path / "whole"), weights(tmp_path / "resumed")
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert Normalization.of(tmp_path / "whole" / "model") == Normalization(
        tuple(MEAN), tuple(DEVIATION)
    )


@pytest.mark.parametrize("kind", ["vit-simmim", "swin-simmim"])
def test_the_head_of_a_published_model_is_kept_and_its_loss_known(kind, place, tmp_path) -> None:
    monitor = Silent()
    metrics = train(place, tmp_path / "out", kind, "masked-image", monitor)
    assert metrics["start_loss"] > 0
    assert "notices" not in monitor.facts


@pytest.mark.parametrize(("kind", "objective"), [("resnet", "classification"), ("vit", "simclr")])
def test_a_head_that_does_not_fit_is_random_and_said(kind, objective, place, tmp_path) -> None:
    monitor = Silent()
    metrics = train(place, tmp_path / "out", kind, objective, monitor)
    assert "start_loss" not in metrics
    assert "so that they are random at first" in monitor.facts["notices"]


def test_the_classes_of_a_model_are_kept_where_they_are_those_of_the_pictures(
    place, tmp_path
) -> None:
    first = train(place, tmp_path / "first", "resnet", "classification")
    place_of = tmp_path / f"own-{SIZE}"
    place_of.mkdir()
    (place_of / "model").symlink_to(tmp_path / "first" / "model")
    (tmp_path / "data").symlink_to(place / "data")
    again = train(tmp_path, tmp_path / "again", "own", "classification")
    assert again["start_loss"] == pytest.approx(first["validation_loss"], rel=1e-5)


@pytest.mark.parametrize("kind", ["vit-simmim", "swin-simmim"])
def test_predicted_pixels_are_converted_there_and_back(kind, place) -> None:
    folder, size = start_of(place, kind), SIZE
    given = to_tensor(pictures(size))
    mean, deviation = (torch.tensor(each)[:, None, None] for each in (MEAN, DEVIATION))
    own = AutoModelForMaskedImageModeling.from_pretrained(folder).eval()
    ours = AutoModelForMaskedImageModeling.from_config(own.config).eval()
    assert begin_with(ours, folder, Silent()) == []
    patches = (size // own.config.patch_size) ** 2
    masked = torch.zeros(len(given), patches, dtype=torch.bool)
    with torch.no_grad():
        read = ((given + 1) / 2 - mean) / deviation
        wanted = own(pixel_values=read, bool_masked_pos=masked).reconstruction
        found = ours(pixel_values=given, bool_masked_pos=masked).reconstruction
    assert torch.allclose(((found + 1) / 2 - mean) / deviation, wanted, atol=1e-4)
    convert_pixels(ours, folder, back=True)
    state = own.state_dict()
    assert all(
        torch.allclose(state[name], each, atol=1e-6) for name, each in ours.state_dict().items()
    )


def test_a_fine_tuned_model_answers_the_same_evaluated_predicted_and_served(
    place, tmp_path
) -> None:
    body = start_of(place, "vit")
    tuned, evaluated = tmp_path / "tuned", tmp_path / "evaluated"
    tuned.mkdir()
    finetune_on_images(
        PROBLEM,
        ImageTuning(epochs=3, **FEW),
        0,
        data=place / "data",
        body=body,
        architecture=body,
        out=tuned,
        monitor=Silent(),
    )
    evaluated.mkdir()
    evaluate(
        PROBLEM,
        200,
        0.95,
        0,
        data=place / "data",
        model=tuned / "model",
        from_scratch=None,
        out=evaluated,
        monitor=Silent(),
    )
    files = sorted(write_pictures(tmp_path / "files", 6, 4).rglob("*.png"))
    (table,) = answer_pictures(PROBLEM, tuned / "model", [(each.name, each) for each in files])
    reader = served.PictureReader.of(tuned / "model")
    own = transformers.AutoModelForImageClassification.from_pretrained(tuned / "model").eval()
    asked = [in_base64(np.asarray(Image.open(each))) for each in files]
    values = torch.stack([torch.from_numpy(reader.numbers(reader.opened(a))) for a in asked])
    with torch.no_grad():
        chances = own(pixel_values=values).logits.softmax(-1).max(-1)
    assert [own.config.id2label[int(i)] for i in chances.indices] == list(table["predicted"])
    assert list(table["probability"]) == pytest.approx(chances.values.tolist(), abs=1e-4)
    assert {*own.config.label2id} == {*KINDS}
    assert json.loads((evaluated / "metrics.json").read_text())["accuracy"] > 0
