"""Published models with heads of their own: learnt, resumed to the bit, asked again, in MLflow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from tasks.contract import Silent
from tasks.data.images.boxes import as_text, from_text
from tasks.data.images.resizing import in_base64
from tasks.experiment.images.pictures import Pixels
from tasks.experiment.images.problem import ImageTuning
from tasks.experiment.images.training import Augmentation
from tasks.experiment.pretraining import Checkpoints
from tasks.families import published
from tasks.models.answering import read_labels
from tasks.models.bodies import read_model
from tasks.models.images.predictions import answer_pictures
from tasks.models.inference import predict
from tasks.problems import load
from tasks.problems.object_detection.scores import quality_of_each
from tasks.problems.object_detection.served import Detector
from tasks.stages.evaluation import evaluate
from tasks.stages.images.finetuning import finetune_on_images
from tasks.stages.images.own_head import fit_own_head
from tests.stages.images.test_image_pretraining import Dying, KilledError
from tests.support.tiny_boxes import store_boxed
from tests.support.tiny_masks import store_masked
from tests.support.tiny_own_heads import write_own_head

pytestmark = pytest.mark.slow
STILL = Augmentation(crop=1.0, shift=0.0, rotation=0.0, colour=0.0, flip=False)
CALM = Augmentation(crop=1.0, rotation=0.0, colour=0.1)
VARIED = Augmentation(erase=0.5)
FEW = {"epochs": 1, "batch_size": 16, "precision": "fp32"}
SMALL = {"image_size": [32, 32], "patch_size": 8, "num_detection_tokens": 3}


@pytest.fixture(scope="module")
def boxes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("boxes")
    store_boxed(folder, count=60, size=32)
    begin(folder, "yolos", 32, **SMALL)
    return folder


@pytest.fixture(scope="module")
def masks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("masks")
    store_masked(folder, size=32)
    begin(folder, "segformer", 32)
    return folder


def begin(folder: Path, kind: str, size: int, **fields: Any) -> None:
    """Write a tiny published model and fit it, to `start/model`."""
    (folder / "start").mkdir()
    fit_own_head(
        Pixels(size=size),
        family=published.of_type(kind),
        start=write_own_head(folder / kind, kind, **fields),
        out=folder / "start",
        monitor=Silent(),
    )


def tune(
    place: Path, out: Path, monitor: Any = None, checkpoints: Checkpoints | None = None, **how: Any
) -> dict[str, float]:
    out.mkdir()
    start = place / "start" / "model"
    kind = json.loads((start / "config.json").read_text())["model_type"]
    return finetune_on_images(
        published.problem_of(published.of_type(kind)),
        ImageTuning(**(FEW | how)),
        0,
        data=place / "pixels",
        body=start,
        architecture=start,
        out=out,
        monitor=monitor or Silent(),
        checkpoints=checkpoints,
    )


@pytest.fixture(scope="module")
def found(boxes: Path) -> Path:
    """A fine-tuning on eight pictures, until it knows their boxes by heart."""
    few = {"train_examples": 8, "batch_size": 8, "epochs": 240, "weight_decay": 0.0}
    tune(boxes, boxes / "tuned", learning_rate=3e-3, augmentation=STILL, **few)
    return boxes / "tuned"


def test_a_detector_learns_the_boxes_of_a_few_pictures_by_its_own_loss(
    found: Path, boxes: Path
) -> None:
    curves = json.loads((found / "curves.json").read_text())
    assert curves["loss"].startswith("loss of the model's own head")
    losses = [loss for _, loss in curves["curves"]["loss"]]
    assert losses[-1] < losses[0] / 4
    kind, labels = load("object-detection"), read_labels(boxes / "pixels")
    rows = pd.read_parquet(boxes / "pixels" / "train.parquet")
    rows = kind.complete(rows, boxes / "pixels", "train")
    model, reader = read_model(kind.AUTO_MODEL, found / "model", kind.READER)
    answers = predict(kind, model, rows, kind.encode(rows, reader, labels), labels)
    surest = [as_text(from_text(text)[:1], scored=True) for text in answers["predicted"]]
    assert (quality_of_each(answers["gold"], surest) == 1).sum() >= 6
    assert answers["loss"].nsmallest(8).mean() < answers["loss"].nlargest(8).mean() / 2


def measured(place: Path, tuned: Path, problem: str) -> dict[str, float]:
    """Evaluate a fine-tuned model; the answers are beside it."""
    out = tuned.parent / f"{tuned.name}-evaluated"
    out.mkdir()
    return evaluate(
        problem,
        100,
        0.95,
        0,
        data=place / "pixels",
        model=tuned / "model",
        from_scratch=None,
        out=out,
        monitor=Silent(),
    )


def test_boxes_that_are_served_are_those_of_the_evaluation_and_of_predict(
    found: Path, boxes: Path, tmp_path: Path
) -> None:
    metrics = measured(boxes, found, "object-detection")
    assert metrics["average_precision/low"] <= metrics["average_precision"]
    evaluated = found.parent / "tuned-evaluated" / "predictions.parquet"
    answers = list(pd.read_parquet(evaluated)["predicted"])
    stored = np.load(boxes / "pixels" / "test.npy")
    files = []
    for number, pixels in enumerate(stored):
        files.append((str(number), tmp_path / f"{number}.png"))
        Image.fromarray(np.squeeze(pixels)).save(files[-1][1])
    written = pd.concat(answer_pictures("object-detection", found / "model", files))
    served = Detector(found).predict([in_base64(each) for each in stored])
    for text, other, row in zip(answers, written["predicted"], served.itertuples(), strict=True):
        first, again = from_text(text), from_text(other)
        assert [each.label for each in first] == [each.label for each in again]
        assert [each.label for each in first] == json.loads(row.labels)
        for one, two, three in zip(first, again, json.loads(row.boxes), strict=True):
            assert one.corners == pytest.approx(two.corners, abs=0.02)
            assert one.corners == pytest.approx(three, abs=0.02)


def test_a_segmenter_learns_above_the_most_frequent_mask(masks: Path) -> None:
    tune(masks, masks / "tuned", epochs=20, learning_rate=3e-3, augmentation=CALM)
    metrics = measured(masks, masks / "tuned", "semantic-segmentation")
    assert metrics["mean_iou"] > metrics["majority/mean_iou"] + 0.2
    configuration = json.loads((masks / "tuned" / "model" / "config.json").read_text())
    assert configuration["architectures"] == ["SegformerForSemanticSegmentation"]


@pytest.mark.parametrize("kind", ["rt_detr", "mask2former"])
def test_a_head_that_draws_numbers_resumes_to_the_same_bits(kind: str, tmp_path: Path) -> None:
    # RT-DETR draws the boxes that it removes noise from, Mask2Former the points of its masks.
    (store_boxed if kind == "rt_detr" else store_masked)(tmp_path, count=40, size=64)
    begin(tmp_path, kind, 64)
    how = {"augmentation": VARIED, "train_examples": 12, "batch_size": 4}
    whole = tune(tmp_path, tmp_path / "whole", **how)
    often = Checkpoints(every_steps=1)
    with pytest.raises(KilledError):
        dying = Dying(tmp_path / "checkpoints", step=2)
        tune(tmp_path, tmp_path / "killed", dying, often, **how)
    again = Silent(tmp_path / "checkpoints")
    assert tune(tmp_path, tmp_path / "resumed", again, often, **how) == whole
    assert "resumed_from" in again.facts
    first, second = (
        load_file(tmp_path / each / "model" / "model.safetensors") for each in ("whole", "resumed")
    )
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_detector_moves_with_its_code_into_mlflow(found: Path, tmp_path: Path) -> None:
    import mlflow
    from mlflow.models import Model

    from tasks.machinery.tracking.logged_model import OwnModel

    card = json.loads((found / "model.json").read_text())
    path = tmp_path / "saved"
    OwnModel(card["served"]).save_model(
        path=str(path),
        mlflow_model=Model(),
        data_path=str(found / "model"),
        input_example=card["example"],
        pip_requirements=["torch"],
    )
    code = [file.read_text() for file in path.rglob("*.py")]
    assert not any("import tasks" in text or "from tasks" in text for text in code)
    answers = mlflow.pyfunc.load_model(str(path)).predict(card["example"])
    assert list(answers["boxes"]) == list(Detector(found).predict(card["example"])["boxes"])
