"""Fine-tuning by each method, from a body that knows the words: learns, resumes, is written."""

import json

import pytest
import torch
from safetensors.torch import load_file
from transformers import pipeline

from tasks.contract import Silent, StageError
from tasks.experiment import choices
from tasks.experiment.images.problem import ImageTuning
from tasks.experiment.images.training import Augmentation
from tasks.experiment.pretraining import Checkpoints
from tasks.experiment.problem import FineTuning
from tasks.experiment.training import TuningMethod
from tasks.stages.features import compute_features
from tasks.stages.finetuning import finetune
from tasks.stages.images.features import compute_features_of_pictures
from tasks.stages.images.finetuning import finetune_on_images
from tasks.tuning._features import Features
from tests.stages.images.test_image_pretraining import Dying, KilledError
from tests.support.tiny_masks import store_masked
from tests.support.tiny_models import write_body, write_data
from tests.support.tiny_pixels import write_image_body, write_pixels

METHODS = choices.names("tuning")
TEXT, IMAGES, MASKS = "text-classification", "image-classification", "semantic-segmentation"
BASE = {"batch_size": 16, "learning_rate": 5e-3, "max_length": 32, "dropout": 0.1}
NONE = Augmentation(crop=1.0, shift=0.0, flip=False, rotation=0.0, colour=0.0)


def tune(place, out, method="full", monitor=None, checkpoints=None, features=None, **changes):
    """Fine-tune the body of `place` on its texts."""
    out.mkdir()
    how = TuningMethod(method=method)
    return finetune(
        TEXT,
        FineTuning(**{**BASE, "epochs": 4, **changes}, tuning=how),
        0,
        features=features,
        data=place / "data",
        body=place / "body",
        architecture=place / "body",
        out=out,
        monitor=monitor or Silent(),
        checkpoints=checkpoints,
    )


def tune_on_images(
    place, out, method="full", monitor=None, checkpoints=None, body="resnet", features=None,
    **changes,
):  # fmt: skip
    """Fine-tune a body of `place` on its pictures."""
    out.mkdir()
    how = TuningMethod(method=method)
    given = {"batch_size": 16, "epochs": 3, "augmentation": Augmentation(rotation=5), **changes}
    return finetune_on_images(
        IMAGES,
        ImageTuning(**given, tuning=how),
        0,
        features=features,
        data=place / "pixels",
        body=place / body,
        architecture=place / body,
        out=out,
        monitor=monitor or Silent(),
        checkpoints=checkpoints,
    )


def weights(out):
    return load_file(out / "model" / "model.safetensors")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Data, and bodies with two layers."""
    folder = tmp_path_factory.mktemp("tuning")
    write_data(folder / "data", TEXT)
    write_body(folder / "body", layers=2)
    write_pixels(folder / "pixels")
    for family in ("resnet", "vit"):
        write_image_body(folder / family, family)
    return folder


@pytest.fixture(scope="module")
def knowing(place):
    """The same place with bodies that were tuned on the problem: their features tell the labels."""
    other = place / "knowing"
    other.mkdir()
    tune(place, other / "text", epochs=20)
    tune_on_images(place, other / "images", epochs=8, learning_rate=3e-3)
    for name, old in {"body": "text", "resnet": "images"}.items():
        (other / old / "model").rename(other / name)
    for name in ("data", "pixels"):
        (other / name).symlink_to(place / name)
    return other


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_every_method_learns_more_than_the_majority(method, knowing, tmp_path):
    own = {} if method == "full" else {"learning_rate": 2e-2}
    found = tune(knowing, tmp_path / "text", method, **own)
    assert found["validation_accuracy"] > 0.8
    found = tune_on_images(knowing, tmp_path / "images", method, **own and {"learning_rate": 1e-2})
    assert found["validation_accuracy"] > 0.5
    told = pipeline(TEXT, str(tmp_path / "text" / "model"))("the old cat runs by the new it")
    assert told[0]["label"] == "animal"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["text", "images"])
@pytest.mark.parametrize("method", ["dora", "probe"])
def test_a_killed_tuning_resumes_to_the_same_bits(method, kind, place, tmp_path):
    run = {"text": tune, "images": tune_on_images}[kind]
    whole = run(place, tmp_path / "whole", method, averaging=0.9)
    often = Checkpoints(every_steps=3)
    with pytest.raises(KilledError):
        dying = Dying(tmp_path / "checkpoints", step=8)
        run(place, tmp_path / "killed", method, dying, often, averaging=0.9)
    again = Silent(tmp_path / "checkpoints")
    resumed = run(place, tmp_path / "resumed", method, again, often, averaging=0.9)
    assert "resumed_from" in again.facts
    assert resumed == whole
    first, second = weights(tmp_path / "whole"), weights(tmp_path / "resumed")
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
    adapters = [tmp_path / name / "adapter" for name in ("whole", "resumed")]
    assert adapters[0].exists() == (method == "dora")
    for file in adapters[0].glob("*"):
        assert file.read_bytes() == (adapters[1] / file.name).read_bytes()


def test_what_an_adapter_costs_is_told_and_its_folder_names_no_place(place, tmp_path):
    monitor = Silent()
    found = tune(place, tmp_path / "out", "lora", monitor, epochs=1)
    every = sum(tensor.numel() for tensor in weights(tmp_path / "out").values())
    assert found["trained_share"] == pytest.approx(found["trained_parameters"] / every)
    assert 0 < found["trained_share"] < 0.5
    folder = tmp_path / "out" / "adapter"
    assert found["adapter_bytes"] == sum(file.stat().st_size for file in folder.iterdir())
    assert found["adapter_bytes"] < found["model_bytes"]
    assert monitor.facts["peak_memory_mb"] > 0
    config = json.loads((folder / "adapter_config.json").read_text())
    assert config["peft_type"] == "LORA"
    assert str(tmp_path) not in (folder / "adapter_config.json").read_text()
    assert config["modules_to_save"] == ["bert.pooler", "classifier"]


def test_in_full_all_learns_and_there_is_no_adapter(place, tmp_path):
    found = tune(place, tmp_path / "out", epochs=1)
    assert found["trained_share"] == 1
    assert "adapter_bytes" not in found
    assert not (tmp_path / "out" / "adapter").exists()


EQUAL = {"precision": "fp32", "dropout": 0.0, "epochs": 3}


@pytest.mark.parametrize("kind", ["text", "images"])
def test_a_probe_of_stored_features_asks_the_encoder_for_none(kind, place, tmp_path, monkeypatch):
    how, out = TuningMethod(method="probe"), tmp_path / "features"
    out.mkdir()
    if kind == "text":
        run, data, body, compute = tune, "data", "body", compute_features
        training = FineTuning(precision="fp32", max_length=32, tuning=how)
    else:
        run, data, body, compute = tune_on_images, "pixels", "resnet", compute_features_of_pictures
        training = ImageTuning(precision="fp32", tuning=how)
    folders = {"data": place / data, "body": place / body, "architecture": place / body}
    found = compute(
        TEXT if kind == "text" else IMAGES, training, 0, **folders, out=out, monitor=Silent()
    )
    assert found["megabytes"] > 0
    computed = run(place, tmp_path / "computed", "probe", **EQUAL)
    asked, ask = [], Features._ask
    monkeypatch.setattr(
        Features, "_ask", lambda self, some: asked.append(len(some)) or ask(self, some)
    )
    read = run(place, tmp_path / "read", "probe", features=out, **EQUAL)
    assert asked == [2], "two examples show what the head reads"
    for name in ("train_loss", "validation_loss"):
        assert read[name] == pytest.approx(computed[name], abs=1e-5)
    again = run(place, tmp_path / "again", "probe", features=out, **EQUAL | {"epochs": 1})
    assert asked == [2, 2]
    assert again["examples"] == read["examples"]


@pytest.mark.parametrize("kind", ["text", "images"])
def test_a_probe_equals_a_fine_tuning_with_a_frozen_body(kind, place, tmp_path):
    if kind == "text":
        probed = tune(place, tmp_path / "probe", "probe", **EQUAL)
        frozen = tune(place, tmp_path / "frozen", freeze="encoder", **EQUAL)
    else:
        probed, frozen = (
            tune_on_images(place, tmp_path / name, method, augmentation=NONE, **EQUAL, **more)
            for name, method, more in (
                ("probe", "probe", {}),
                ("frozen", "full", {"freeze": "encoder"}),
            )
        )
    for name in ("validation_loss", "train_loss", "trained_parameters"):
        assert probed[name] == pytest.approx(frozen[name], abs=1e-5)
    first, second = weights(tmp_path / "probe"), weights(tmp_path / "frozen")
    assert all(torch.allclose(first[name], second[name], atol=1e-5) for name in second)


def test_muon_is_refused_where_all_that_learns_are_convolutions(place, tmp_path):
    with pytest.raises(StageError, match="no matrix of a layer learns; accepted with this model"):
        tune_on_images(place, tmp_path / "out", "lora", optimizer="muon")


def test_a_probe_of_pictures_is_the_same_without_room_for_features(place, tmp_path, monkeypatch):
    stored = tune_on_images(place, tmp_path / "stored", "probe", **EQUAL)
    monkeypatch.setattr("tasks.tuning._features.host_memory", lambda: 10)
    monitor = Silent()
    computed = tune_on_images(place, tmp_path / "computed", "probe", monitor, **EQUAL)
    assert any("and there is room for" in said for said in monitor.said)
    for name in ("train_loss", "validation_loss"):
        assert computed[name] == pytest.approx(stored[name], abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("family", ["resnet", "vit"])
@pytest.mark.parametrize("method", ["probe", "lora", "gradual"])
def test_a_head_that_segments_is_tuned_too(method, family, place, tmp_path, monkeypatch):
    if method == "probe":  # it reads pictures as they are
        monkeypatch.delattr("tasks.stages.images.finetuning.Augmenter")
    pixels = place / "masked" / "pixels"
    if not pixels.is_dir():
        (place / "masked").mkdir()
        store_masked(place / "masked")
    body = write_image_body(tmp_path / "body", family)
    found = finetune_on_images(
        MASKS,
        ImageTuning(
            batch_size=16, epochs=8, learning_rate=3e-3, tuning=TuningMethod(method=method)
        ),
        0,
        data=pixels,
        body=body,
        architecture=body,
        out=tmp_path,
        monitor=Silent(),
    )
    assert found["trained_parameters"] > 0
    assert found["validation_mean_iou"] > (0.25 if method == "probe" else 0.3)
    kept, begun = weights(tmp_path), load_file(body / "model.safetensors")
    ours = {name.partition(".")[2]: value for name, value in kept.items()} | kept
    theirs = {name.partition(".")[2]: value for name, value in begun.items()} | begun
    same = [torch.equal(ours[name], theirs[name]) for name in ours if name in theirs]
    assert same
    assert all(same) == (method == "probe"), "a probe alone leaves the whole body as it is"
