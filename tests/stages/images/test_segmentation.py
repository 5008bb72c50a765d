"""Segmentation from files to pages: masks checked by name, learnt, resumed to the bit, served."""

from __future__ import annotations

import base64
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import transformers
from PIL import Image
from safetensors.torch import load_file

from tasks.contract import Silent, StageError
from tasks.data.images.masks import IGNORED, as_text, placed
from tasks.data.images.resizing import in_base64
from tasks.experiment.images.problem import ImageTuning
from tasks.experiment.images.training import Augmentation
from tasks.experiment.pretraining import Checkpoints
from tasks.models.images.building import load_body, new_classifier
from tasks.models.images.predictions import answer_pictures
from tasks.pages import evaluation_card
from tasks.problems import load
from tasks.sources.images import resolve
from tasks.stages.baseline import train_baseline
from tasks.stages.evaluation import evaluate
from tasks.stages.images.finetuning import finetune_on_images
from tasks.stages.images.images import prepare_images
from tests.stages.images.test_image_pretraining import Dying, KilledError
from tests.support.shown import shown
from tests.support.tiny_masks import CLASSES, DATA, PROBLEM, store_masked, write_masked
from tests.support.tiny_pixels import write_image_body

FEW = {"epochs": 1, "batch_size": 16, "precision": "fp32"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("masks")
    store_masked(folder)
    write_image_body(folder / "body")
    return folder


def tune(place: Path, out: Path, monitor=None, body: str = "body", checkpoints=None, **changes):
    out.mkdir()
    return finetune_on_images(
        PROBLEM,
        ImageTuning(**{**FEW, **changes}),
        0,
        data=place / "pixels",
        body=place / body,
        architecture=place / body,
        out=out,
        monitor=monitor or Silent(),
        checkpoints=checkpoints,
    )


def prepare(folder: Path, out: Path, data=DATA) -> None:
    out.mkdir()
    source = resolve(str(folder), "source")
    prepare_images(data, source, [], 0, out=out, monitor=Silent())


def test_all_bad_masks_are_named_at_once(tmp_path: Path) -> None:
    folder = write_masked(tmp_path / "a", 12)
    masks = folder / "masks"
    Image.new("L", (5, 5), 1).save(masks / "000.png")
    Image.new("L", (20, 20), 9).save(masks / "001.png")
    Image.new("RGB", (20, 20), (1, 2, 3)).save(masks / "002.png")
    (masks / "003.png").write_bytes((masks / "003.png").read_bytes()[:-40])
    (masks / "004.png").unlink()
    with pytest.raises(StageError) as found:
        prepare(folder, tmp_path / "out")
    said = str(found.value)
    assert said.startswith("downstream.shapes.source: 5 of the pictures cannot be used:")
    assert "masks/000.png: the mask has 5 × 5 pixels, and its picture 20 × 20" in said
    assert "masks/001.png: the mask has the unknown numbers 9; accepted: 0 to 2" in said
    assert "masks/002.png: found colours" in said
    assert "masks/003.png: cannot be decoded" in said
    assert "images/004.png: the picture has no mask" in said


def test_masks_without_a_picture_are_named(tmp_path: Path) -> None:
    folder = write_masked(tmp_path / "a", 12)
    (folder / "images" / "003.png").unlink()
    with pytest.raises(StageError, match=r"1 masks have no picture .* such as masks/003.png"):
        prepare(folder, tmp_path / "out")


def test_the_ignored_number_is_no_class_and_pictures_without_a_mask_may_be_left_out(
    tmp_path: Path,
) -> None:
    folder = write_masked(tmp_path / "a", 24)
    for file in (folder / "masks").iterdir():
        mask = np.asarray(Image.open(file)).copy()
        mask[:3] = 7
        Image.fromarray(mask).save(file)
    (folder / "masks" / "001.png").unlink()
    data = DATA.model_copy(update={"classes": [], "ignore": 7, "missing_labels": "drop"})
    prepare(folder, tmp_path / "out", data)
    assert json.loads((tmp_path / "out" / "labels.json").read_text()) == ["0", "1", "2"]
    assert len(pd.read_parquet(tmp_path / "out" / "pictures.parquet")) == 23


def test_a_table_names_the_masks(tmp_path: Path) -> None:
    folder = write_masked(tmp_path / "a", 30)
    rows = [f"images/{n:03}.png,masks/{n:03}.png" for n in range(30)]
    (folder / "table.csv").write_text("\n".join(["image,mask", *rows]))
    prepare(folder / "table.csv", tmp_path / "out")
    answers = pd.read_parquet(tmp_path / "out" / "pictures.parquet")["label"]
    assert {name for text in answers for name in json.loads(text).values()} == set(CLASSES)


def test_masks_are_stored_in_the_order_of_their_pictures(place: Path) -> None:
    for split in ("train", "test"):
        table = pd.read_parquet(place / "pixels" / f"{split}.parquet")
        masks = np.load(place / "pixels" / f"{split}-masks.npy")
        pictures = np.load(place / "pixels" / f"{split}.npy")
        assert masks.shape == (len(table), 16, 16, 1)
        for row, mask, picture in zip(table.itertuples(), masks, pictures, strict=True):
            assert np.array_equal(placed(row.label, CLASSES), mask[..., 0])
            assert picture[mask[..., 0] > 0].mean() > 100 > picture[mask[..., 0] == 0].mean()


def test_the_body_is_the_pre_trained_one_and_loads_without_temper(place, tmp_path) -> None:
    model = new_classifier(load(PROBLEM), place / "body", CLASSES, 0.0, 0)
    load_body(model, place / "body")
    model.save_pretrained(tmp_path)
    given, found = (
        transformers.AutoModel.from_pretrained(each).state_dict()
        for each in (place / "body", tmp_path)
    )
    assert given.keys() == found.keys()
    assert all(torch.equal(found[name], given[name]) for name in given)


@pytest.mark.parametrize("family", ["convnext", "swin", "vit"])
def test_every_family_labels_each_pixel(family: str, tmp_path: Path) -> None:
    write_image_body(tmp_path / "body", family)
    model = new_classifier(load(PROBLEM), tmp_path / "body", CLASSES, 0.0, 0)
    labels = torch.zeros(2, 16, 16, dtype=torch.long)
    found = model(pixel_values=torch.zeros(2, 3, 16, 16), labels=labels)
    assert found.logits.shape == (2, 16, 16, 3)
    found.loss.backward()
    unused = [n for n, part in model.named_parameters() if part.grad is None]
    assert all("layernorm" in name for name in unused), "but ConvNeXt's norm of the pooled map"
    model.save_pretrained(tmp_path / "model")
    again = load(PROBLEM).AUTO_MODEL.from_pretrained(tmp_path / "model")
    assert all(
        torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True)
    )


def test_a_killed_fine_tuning_resumes_to_the_same_bits(place, tmp_path) -> None:
    changes = {"augmentation": Augmentation(erase=0.5), "class_weights": "balanced"}
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
    tune(place, folder / "tuned", epochs=14, learning_rate=5e-3, augmentation=still)
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


def test_it_learns_above_the_most_frequent_mask_and_has_intervals(evaluated) -> None:
    metrics = json.loads((evaluated / "metrics.json").read_text())
    assert metrics["mean_iou"] > metrics["majority/mean_iou"] + 0.2
    assert metrics["simple/mean_iou"] > metrics["majority/mean_iou"]
    for name in ("mean_iou", "boundary_f1", "over_simple"):
        assert metrics[f"{name}/low"] <= metrics[name] <= metrics[f"{name}/high"]


def test_the_page_has_the_classes_and_masks_side_by_side(evaluated) -> None:
    pages = shown(evaluation_card.show, evaluated / "evaluation")
    card = (pages / "card.md").read_text()
    assert "mean IoU of the classes" in card
    assert "| disc |" in card
    with Image.open(pages / "pictures.png") as sheet:
        assert sheet.size[0] > 400


def test_what_is_served_is_what_was_evaluated_and_what_predict_writes(
    evaluated, place, tmp_path
) -> None:
    from tasks.problems.semantic_segmentation.served import Segmenter

    answers = pd.read_parquet(evaluated / "evaluation" / "predictions.parquet")
    stored = np.load(place / "pixels" / "test.npy")
    served = Segmenter(evaluated / "tuned").predict([in_base64(each) for each in stored])
    files = []
    for number, pixels in enumerate(stored):
        files.append((str(number), tmp_path / f"{number}.png"))
        Image.fromarray(np.squeeze(pixels)).save(files[-1][1])
    written = pd.concat(answer_pictures(PROBLEM, evaluated / "tuned" / "model", files))
    assert list(written["predicted"]) == list(answers["predicted"])
    for row, mask in zip(answers.itertuples(), served["mask"], strict=True):
        numbers = np.asarray(Image.open(io.BytesIO(base64.b64decode(mask))))
        assert as_text(numbers, CLASSES) == row.predicted


def test_a_mask_of_a_wide_picture_is_of_its_size_and_knows_where_it_ends(
    evaluated, place, tmp_path
) -> None:
    from tasks.problems.semantic_segmentation.served import Segmenter

    stored = np.squeeze(np.load(place / "pixels" / "test.npy")[0])
    wide = np.pad(stored, ((0, 0), (8, 8), (0, 0))[: stored.ndim])
    Image.fromarray(wide).save(tmp_path / "wide.png")
    model = evaluated / "tuned" / "model"
    [table] = answer_pictures(PROBLEM, model, [("wide.png", tmp_path / "wide.png")])
    mask = placed(table["predicted"][0], CLASSES)
    assert mask.shape == (16, 32)
    assert (mask[:, :8] < 0).all() and (mask[:, 24:] < 0).all() and (mask[:, 8:24] >= 0).all()
    text = base64.b64encode((tmp_path / "wide.png").read_bytes()).decode()
    [served] = Segmenter(evaluated / "tuned").predict([text])["mask"]
    numbers = np.asarray(Image.open(io.BytesIO(base64.b64decode(served)))).astype(np.int64)
    assert np.array_equal(np.where(numbers == IGNORED, -1, numbers), mask)


def test_runs_are_compared_by_the_texts_of_their_masks(evaluated, tmp_path) -> None:
    from tasks.comparison.answers import compare_answers, read_answers

    one = evaluated / "evaluation" / "predictions.parquet"
    table = pd.read_parquet(one)
    table["predicted"] = load(PROBLEM).majority(table.rename(columns={"gold": "label"}), table)
    table.to_parquet(tmp_path / "other.parquet")
    answers = {
        n: read_answers(f, PROBLEM) for n, f in [("A", one), ("B", tmp_path / "other.parquet")]
    }
    assert len({each.digest for each in answers.values()}) == 1
    [found] = compare_answers(load(PROBLEM), answers, [["A"], ["B"]], confidence=0.95)
    metrics = json.loads((evaluated / "metrics.json").read_text())
    assert found.low > 0
    assert found.value == pytest.approx(
        metrics["mean_iou"] - metrics["majority/mean_iou"], abs=0.05
    )


def test_a_model_moves_with_its_code_into_mlflow(evaluated, tmp_path) -> None:
    import mlflow
    from mlflow.models import Model

    from tasks.machinery.tracking.logged_model import OwnModel

    card = json.loads((evaluated / "tuned" / "model.json").read_text())
    path = tmp_path / "saved"
    OwnModel(card["served"]).save_model(
        path=str(path),
        mlflow_model=Model(),
        data_path=str(evaluated / "tuned" / "model"),
        input_example=card["example"],
        pip_requirements=["torch"],
    )
    code = {file.name for file in path.rglob("*.py")}
    ours = {"__init__.py", "dense_head.py", "palette.py", "served.py"}
    assert code == ours | {"head.py", "segmentation.py"}, "of published models too"
    found = mlflow.pyfunc.load_model(str(path)).predict(card["example"])
    here = card["served"]
    from importlib import import_module

    expected = import_module(here)._load_pyfunc(str(evaluated / "tuned")).predict(card["example"])
    assert list(found["mask"]) == list(expected["mask"])
    shutil.rmtree(path)
