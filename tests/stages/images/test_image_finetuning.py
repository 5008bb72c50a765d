"""Fine-tuning on pictures: the same start with and without pre-training, resumed to the bit."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from PIL import Image
from safetensors.torch import load_file

from tasks.contract import Silent, StageError
from tasks.experiment.images.problem import ImageTuning
from tasks.experiment.images.training import Augmentation
from tasks.experiment.pretraining import Checkpoints
from tasks.models.answering import read_labels
from tasks.models.images.building import load_body, new_classifier
from tasks.pages import evaluation_card
from tasks.problems import load
from tasks.stages.baseline import train_baseline
from tasks.stages.evaluation import evaluate
from tasks.stages.images.finetuning import finetune_on_images
from tests.stages.images.test_image_pretraining import Dying, KilledError
from tests.support.shown import shown
from tests.support.tiny_pixels import write_image_body, write_pixels

PROBLEM = "image-classification"
STILL = Augmentation(crop=0.9, rotation=0)
FEW = {"epochs": 2, "batch_size": 16, "precision": "fp32", "augmentation": STILL}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    write_pixels(folder / "data")
    write_image_body(folder / "body")
    return folder


def tune(place, out, monitor=None, body=True, checkpoints=None, **changes):
    out.mkdir()
    return finetune_on_images(
        PROBLEM,
        ImageTuning(**{**FEW, **changes}),
        0,
        data=place / "data",
        body=place / "body" if body else None,
        architecture=place / "body",
        out=out,
        monitor=monitor or Silent(),
        checkpoints=checkpoints,
    )


def weights(out: Path) -> dict[str, torch.Tensor]:
    return load_file(out / "model" / "model.safetensors")


def test_the_pre_trained_weights_replace_all_of_the_body_and_not_the_head(place) -> None:
    kind, labels = load(PROBLEM), read_labels(place / "data")
    scratch, tuned = (new_classifier(kind, place / "body", labels, 0.0, 0) for _ in range(2))
    load_body(tuned, place / "body")
    given = transformers.AutoModel.from_pretrained(place / "body").state_dict()
    own = tuned.base_model.state_dict()
    assert given.keys() == own.keys()
    assert all(torch.equal(own[name], given[name]) for name in own)
    assert torch.equal(tuned.classifier[1].weight, scratch.classifier[1].weight)
    assert any(not torch.equal(own[n], t) for n, t in scratch.base_model.state_dict().items())


def test_a_body_of_another_size_is_refused(place, tmp_path) -> None:
    kind = load(PROBLEM)
    write_image_body(tmp_path / "vit", "vit")
    model = new_classifier(kind, place / "body", ["a", "b"], 0.0, 0)
    with pytest.raises(StageError, match="the weights in vit/ are not those of this model"):
        load_body(model, tmp_path / "vit")


def test_a_killed_fine_tuning_resumes_to_the_same_bits(place, tmp_path) -> None:
    changes = {"augmentation": Augmentation(erase=0.5, mixup=0.4), "averaging": 0.9}
    whole = tune(place, tmp_path / "whole", **changes)
    often = Checkpoints(every_steps=3)
    with pytest.raises(KilledError):
        dying = Dying(tmp_path / "checkpoints", step=8)
        tune(place, tmp_path / "killed", dying, checkpoints=often, **changes)
    again = Silent(tmp_path / "checkpoints")
    assert tune(place, tmp_path / "resumed", again, checkpoints=often, **changes) == whole
    assert "resumed_from" in again.facts
    first, second = weights(tmp_path / "whole"), weights(tmp_path / "resumed")
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_labels_without_a_chosen_example_are_said(place, tmp_path) -> None:
    monitor = Silent()
    tune(place, tmp_path / "out", monitor, train_examples=2, epochs=1)
    assert any("none of the 2 training examples has" in said for said in monitor.said)


@pytest.mark.parametrize("changes", [{"train_examples": 1}, {"micro_batch_size": 1}])
def test_one_picture_at_once_is_refused_where_batch_norms_compare(changes, place, tmp_path) -> None:
    with pytest.raises(StageError, match="at least 2 are needed at once"):
        tune(place, tmp_path / "out", **changes)


def test_a_batch_in_parts_is_trained_on(place, tmp_path) -> None:
    metrics = tune(place, tmp_path / "out", micro_batch_size=5, epochs=1)
    assert metrics["steps"] == 6


def test_a_frozen_body_keeps_its_weights(place, tmp_path) -> None:
    tune(place, tmp_path / "out", freeze="encoder", epochs=1)
    given = transformers.AutoModel.from_pretrained(place / "body").state_dict()
    found = weights(tmp_path / "out")
    kept = [name for name in given if "running" not in name and "num_batches" not in name]
    assert all(torch.equal(found[f"resnet.{name}"], given[name]) for name in kept)


@pytest.fixture(scope="module")
def evaluated(place, tmp_path_factory) -> Path:
    """The folders of a fine-tuning, a baseline and an evaluation of both."""
    folder = tmp_path_factory.mktemp("evaluated")
    tune(place, folder / "tuned", epochs=12, learning_rate=3e-3)
    for name in ("simple", "evaluation"):
        (folder / name).mkdir()
    train_baseline(PROBLEM, 0, 0, data=place / "data", out=folder / "simple", monitor=Silent())
    metrics = evaluate(
        PROBLEM,
        200,
        0.95,
        0,
        data=place / "data",
        model=folder / "tuned" / "model",
        from_scratch=None,
        simple=folder / "simple",
        out=folder / "evaluation",
        monitor=Silent(),
    )
    (folder / "metrics.json").write_text(json.dumps(metrics))
    return folder


def test_it_learns_above_the_majority_and_has_intervals(evaluated) -> None:
    metrics = json.loads((evaluated / "metrics.json").read_text())
    assert metrics["majority/accuracy"] == pytest.approx(1 / 3)
    assert metrics["accuracy"] > 1 / 3 + 0.3
    assert metrics["simple/accuracy"] > 1 / 3 + 0.1
    assert metrics["accuracy/low"] <= metrics["accuracy"] <= metrics["accuracy/high"]
    assert metrics["top5_accuracy"] == 1, "there are three labels"
    assert {"macro_f1", "calibration_error", "over_simple/low"} <= metrics.keys()


def test_the_pipeline_of_transformers_answers_as_the_evaluation_does(evaluated, place) -> None:
    import pandas as pd

    answers = pd.read_parquet(evaluated / "evaluation" / "predictions.parquet")
    folder = str(evaluated / "tuned" / "model")
    pipe = transformers.pipeline(PROBLEM, model=folder, image_processor=folder)
    stored = np.load(place / "data" / "test.npy")
    for number in range(0, 60, 7):
        [best, *_] = pipe(Image.fromarray(stored[number]))
        row = answers.iloc[number]
        assert best["label"] == row["predicted"]
        assert best["score"] == pytest.approx(row["probability"], abs=1e-4)


def test_what_mlflow_serves_answers_the_same(evaluated) -> None:
    from tasks.problems.image_classification.served import Classifier

    card = json.loads((evaluated / "tuned" / "model.json").read_text())
    served = Classifier(evaluated / "tuned").predict(card["example"])
    assert len(served) == 2
    assert served["score"].between(1 / 3, 1).all()
    with pytest.raises(ValueError, match="not a picture in base64"):
        Classifier(evaluated / "tuned").predict(["no base64!"])


def test_the_page_shows_pictures_that_were_answered_wrong_and_right(evaluated) -> None:
    pages = shown(evaluation_card.show, evaluated / "evaluation")
    assert "accuracy of the five most likely labels" in (pages / "card.md").read_text()
    with Image.open(pages / "pictures.png") as sheet:
        assert sheet.size[0] > 400
    assert {"confusion.png", "reliability.png"} <= {file.name for file in pages.iterdir()}
