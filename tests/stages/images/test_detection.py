"""Detection from files to pages: learnt above its baselines, resumed to the bit, served."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from tasks.contract import Silent
from tasks.data.images.boxes import from_text
from tasks.data.images.resizing import in_base64
from tasks.experiment.images.problem import ImageTuning
from tasks.experiment.images.training import Augmentation
from tasks.experiment.pretraining import Checkpoints
from tasks.models.images.predictions import answer_pictures
from tasks.pages import evaluation_card
from tasks.pages.drawn_answers import DRAWN
from tasks.pages.evaluation.answers_by_step import draw
from tasks.pages.report.drawings import confusion_section
from tasks.pages.report.result import Result
from tasks.stages.baseline import train_baseline
from tasks.stages.evaluation import evaluate
from tasks.stages.images.finetuning import finetune_on_images
from tests.stages.images.test_image_pretraining import Dying, KilledError
from tests.support.shown import shown
from tests.support.tiny_boxes import KINDS, PROBLEM, store_boxed
from tests.support.tiny_pixels import write_image_body

FEW = {"epochs": 1, "batch_size": 16, "precision": "fp32"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("boxes")
    store_boxed(folder)
    write_image_body(folder / "body", size=32)
    return folder


def tune(place: Path, out: Path, monitor=None, checkpoints=None, **changes):
    out.mkdir()
    return finetune_on_images(
        PROBLEM,
        ImageTuning(**{**FEW, **changes}),
        0,
        data=place / "pixels",
        body=place / "body",
        architecture=place / "body",
        out=out,
        monitor=monitor or Silent(),
        checkpoints=checkpoints,
    )


def test_boxes_are_stored_in_pixels_of_the_square(place: Path) -> None:
    table = pd.read_parquet(place / "pixels" / "test.parquet")
    stored = np.load(place / "pixels" / "test.npy")
    for row, picture in zip(table.itertuples(), stored, strict=True):
        [box] = from_text(row.label)
        left, top, right, bottom = (round(each) for each in box.corners)
        inside = np.zeros(picture.shape[:2], bool)
        inside[top:bottom, left:right] = True
        assert picture[inside].mean() > 90 > picture[~inside].mean()


def test_a_killed_fine_tuning_resumes_to_the_same_bits(place, tmp_path) -> None:
    changes = {"augmentation": Augmentation(rotation=40, erase=0.5)}
    whole = tune(place, tmp_path / "whole", **changes)
    often = Checkpoints(every_steps=1)
    with pytest.raises(KilledError):
        dying = Dying(tmp_path / "checkpoints", step=3)
        tune(place, tmp_path / "killed", dying, checkpoints=often, **changes)
    again = Silent(tmp_path / "checkpoints")
    assert tune(place, tmp_path / "resumed", again, checkpoints=often, **changes) == whole
    assert "resumed_from" in again.facts
    first, second = (
        load_file(tmp_path / name / "model" / "model.safetensors") for name in ("whole", "resumed")
    )
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.fixture(scope="module")
def evaluated(place, tmp_path_factory) -> Path:
    """The folders of a fine-tuning, a baseline and an evaluation of both."""
    folder = tmp_path_factory.mktemp("evaluated")
    still = Augmentation(crop=0.9, rotation=0)
    monitor = Silent()
    tune(place, folder / "tuned", monitor, epochs=20, learning_rate=5e-3, augmentation=still)
    (folder / "seen.json").write_text(json.dumps([_plain(each) for each in monitor.seen]))
    for name in ("simple", "evaluation"):
        (folder / name).mkdir()
    data = place / "pixels"
    train_baseline(PROBLEM, 0, 0, data=data, out=folder / "simple", monitor=Silent())
    metrics = evaluate(
        PROBLEM,
        200,
        0.95,
        0,
        data=data,
        model=folder / "tuned" / "model",
        from_scratch=None,
        simple=folder / "simple",
        out=folder / "evaluation",
        monitor=Silent(),
    )
    (folder / "metrics.json").write_text(json.dumps(metrics))
    return folder


def _plain(seen: dict) -> dict:
    return {**seen, "pixels": [each.tolist() for each in seen["pixels"]]}


def test_a_handful_of_answers_is_looked_at_while_it_learns(evaluated, place) -> None:
    seen = json.loads((evaluated / "seen.json").read_text())
    assert len(seen) >= 10
    first, last = seen[0], seen[-1]
    assert first["pixels"] == last["pixels"] and first["gold"] == last["gold"]
    assert len(last["predicted"]) == 6 and last["predicted"] != first["predicted"]
    labels = pd.read_parquet(place / "pixels" / "validation.parquet")["label"]
    assert {*last["gold"]} <= {*labels}
    given = {**last, "pixels": [np.array(each, np.uint8) for each in last["pixels"]]}
    sheet = np.asarray(draw(given))
    assert sheet.shape[0] > 4 * 150 and sheet.shape[1] > 3 * 150
    assert len(np.unique(sheet)) > 10


def test_it_learns_above_the_most_frequent_box_and_has_intervals(evaluated) -> None:
    metrics = json.loads((evaluated / "metrics.json").read_text())
    assert metrics["average_precision_50"] > 0.3
    assert metrics["average_precision"] > metrics["majority/average_precision"] + 0.1
    assert metrics["simple/average_precision"] > metrics["majority/average_precision"] + 0.3
    sizes = {f"average_precision_{size}" for size in ("small", "medium", "large")}
    assert sizes & {*metrics} == {"average_precision_small"}  # of pictures that are small, too
    for name in ("average_precision", "average_precision_small", "over_simple"):
        assert metrics[f"{name}/low"] <= metrics[name] <= metrics[f"{name}/high"]


def test_the_page_has_the_classes_and_the_boxes(evaluated) -> None:
    pages = shown(evaluation_card.show, evaluated / "evaluation")
    card = (pages / "card.md").read_text()
    assert "| class | AP | AP50 | in the test |" in card
    assert "| disc |" in card
    assert "| AP of small objects (to 32 × 32 pixels) |" in card
    assert "large objects" not in card
    for figure in ("pictures.png", "precision.png"):
        with Image.open(pages / figure) as sheet:
            assert sheet.size[0] > 400


def test_the_report_has_the_same_figures(evaluated, tmp_path) -> None:
    result = Result("shapes", evaluated / "evaluation", {}, {})
    said = "\n".join(confusion_section([result], tmp_path))
    for figure in ("pictures.png", "precision.png"):
        assert f"shapes-{figure}" in said
        assert (tmp_path / f"shapes-{figure}").is_file()


def test_what_is_served_is_what_was_evaluated_and_what_predict_writes(
    evaluated, place, tmp_path
) -> None:
    from tasks.problems.object_detection.served import Detector

    answers = pd.read_parquet(evaluated / "evaluation" / "predictions.parquet")
    stored = np.load(place / "pixels" / "test.npy")
    served = Detector(evaluated / "tuned").predict([in_base64(each) for each in stored])
    files = []
    for number, pixels in enumerate(stored):
        files.append((str(number), tmp_path / f"{number}.png"))
        Image.fromarray(np.squeeze(pixels)).save(files[-1][1])
    written = pd.concat(answer_pictures(PROBLEM, evaluated / "tuned" / "model", files))
    for row, here, there in zip(
        answers.itertuples(), written.itertuples(), served.itertuples(), strict=True
    ):
        expected = from_text(row.predicted)
        found = from_text(here.predicted)
        assert [each.label for each in found] == [each.label for each in expected]
        assert json.loads(there.labels) == [each.label for each in expected]
        assert np.allclose(
            np.array(json.loads(there.boxes)).reshape(-1, 4),
            np.array([each.corners for each in expected]).reshape(-1, 4),
            atol=0.02,
        )
        assert json.loads(there.scores) == pytest.approx([e.score for e in expected], abs=1e-3)


def test_boxes_of_a_wide_picture_are_in_its_pixels_and_drawn(evaluated, place, tmp_path) -> None:
    stored = np.squeeze(np.load(place / "pixels" / "test.npy")[0])
    wide = np.pad(stored, ((0, 0), (16, 16), (0, 0))[: stored.ndim])
    image = Image.fromarray(wide).resize((128, 64))
    image.save(tmp_path / "wide.png")
    files = [("a", tmp_path / "wide.png")]
    Image.fromarray(stored).save(tmp_path / "square.png")
    files.append(("b", tmp_path / "square.png"))
    table = pd.concat(answer_pictures(PROBLEM, evaluated / "tuned" / "model", files))
    far, near = (from_text(each)[0] for each in table["predicted"])
    expected = [2 * (c + shift) for c, shift in zip(near.corners, (16, 0, 16, 0), strict=True)]
    assert far.corners == pytest.approx(expected, abs=4)
    drawn = DRAWN[PROBLEM](image, table["predicted"].iloc[0], KINDS)
    assert drawn[".png"].size == (128, 64)
    assert not np.array_equal(np.asarray(drawn[".png"]), np.asarray(image.convert("RGB")))


def test_boxes_of_a_large_picture_are_those_that_are_served(evaluated, place, tmp_path) -> None:
    from tasks.problems.object_detection.served import Detector

    stored = np.squeeze(np.load(place / "pixels" / "test.npy")[0])
    Image.fromarray(stored).resize((1500, 1200)).save(tmp_path / "large.png")
    model = evaluated / "tuned" / "model"
    [table] = answer_pictures(PROBLEM, model, [("large.png", tmp_path / "large.png")])
    found = [each.corners for each in from_text(table["predicted"][0])]
    text = base64.b64encode((tmp_path / "large.png").read_bytes()).decode()
    [served] = Detector(evaluated / "tuned").predict([text])["boxes"]
    assert found
    assert np.allclose(np.array(found), np.array(json.loads(served)), atol=0.011)
