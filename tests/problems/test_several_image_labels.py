"""Several labels a picture: tables as people write them, a model that learns them, its answers."""

from __future__ import annotations

import base64
import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import transformers
from PIL import Image

from tasks.comparison.past_run import PastRun
from tasks.contract import Silent, StageError
from tasks.data.images.decoding import decode
from tasks.data.images.picture import Picture
from tasks.data.notices import Notices
from tasks.experiment.images.consistency import check
from tasks.experiment.images.experiment import ImageExperiment
from tasks.experiment.images.pictures import Pixels
from tasks.experiment.images.problem import ImageData, ImageTuning
from tasks.experiment.mistakes import InvalidExperimentError
from tasks.models.files import problem_of
from tasks.models.images.predictions import answer_pictures
from tasks.pages import evaluation_card, pictures_card
from tasks.problems.picture_rows import pictures_of
from tasks.sources.images import resolve
from tasks.stages.baseline import train_baseline
from tasks.stages.evaluation import evaluate
from tasks.stages.images.finetuning import finetune_on_images
from tasks.stages.images.images import prepare_images
from tasks.stages.images.pixels import store_pixels
from tests.support.shown import shown
from tests.support.tiny_labels import NAMES, write_several
from tests.support.tiny_pixels import write_image_body

PROBLEM = "several-image-labels"
DATA = ImageData(
    name="shapes",
    source="x",
    several_labels=True,
    overlap="drop",
    columns={"image": "file_name"},
)


def read(label: Any, notices: Notices | None = None, **fields: Any) -> list[str] | None:
    picture = Picture("a.png", b"", label, "", "", "t.csv, line 2: a.png")
    decoded: Any = None
    data = ImageData(name="x", several_labels=True, **fields)
    found = pictures_of(PROBLEM).answer(picture, decoded, data, notices or Notices())
    return None if found is None else [*pictures_of(PROBLEM).counted(found)]


@pytest.mark.parametrize(
    ("written", "labels"),
    [
        (["b", "a"], ["a", "b"]),
        ([], []),
        ("", []),
        ('["b", "a"]', ["a", "b"]),
        ("b|a", ["a", "b"]),
        ("one label", ["one label"]),
        (7, ["7"]),
        (["a", "a"], ["a"]),
    ],
)
def test_labels_are_read_as_those_of_texts(written: Any, labels: list[str]) -> None:
    assert read(written) == labels


def test_what_is_missing_or_ambiguous_is_an_error_with_its_place() -> None:
    with pytest.raises(StageError, match=r"a.png: the picture has no label.*missing_labels: drop"):
        read(None)
    assert read(None, missing_labels="drop") is None
    with pytest.raises(StageError, match=r"line 2: a.png: column 'label'.*ambiguous"):
        read("a, b|c")
    with pytest.raises(StageError, match=r"line 2: a.png.*'nan'.*missing_labels: drop"):
        read(["a", "nan"])


def test_an_experiment_writes_it_as_a_kind_of_image_classification() -> None:
    assert DATA.kind == PROBLEM
    assert ImageData().kind == "image-classification"
    part = {"name": "x", "problem": "object-detection", "several_labels": True}
    with pytest.raises(InvalidExperimentError, match="counts only with image-classification"):
        check(ImageExperiment.model_validate({"downstream": [part]}))
    params = {"downstream.x.problem": "image-classification", "downstream.x.several_labels": "True"}
    assert PastRun("r", "r", "e", "FINISHED", 0.0, params=params).kind_of("x") == PROBLEM


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Stored pictures, a model that has learnt them, its evaluation, and the simple model."""
    folder = tmp_path_factory.mktemp("world")
    names = ("images", "pixels", "tuned", "simple", "evaluation")
    images, pixels, tuned, simple, evaluation = (folder / name for name in names)
    for each in (images, pixels, tuned, simple, evaluation):
        each.mkdir()
    source = resolve(str(write_several(folder / "data", 240)), "source")
    prepare_images(DATA, source, [], 0, out=images, monitor=Silent())
    store_pixels(
        Pixels(size=16, channels=1),
        DATA.columns,
        source,
        images=images,
        out=pixels,
        monitor=Silent(),
    )
    training = ImageTuning.model_validate(
        {"epochs": 6, "batch_size": 16, "learning_rate": 3e-3, "precision": "fp32"}
        | {"augmentation": {"flip": False, "crop": 0.9, "rotation": 0, "mixup": 0.1}}
    )
    finetune_on_images(
        PROBLEM,
        training,
        0,
        data=pixels,
        body=None,
        architecture=write_image_body(folder / "body"),
        out=tuned,
        monitor=Silent(),
    )
    train_baseline(PROBLEM, 0, 0, data=pixels, out=simple, monitor=Silent())
    metrics = evaluate(
        PROBLEM,
        100,
        0.95,
        0,
        data=pixels,
        model=tuned / "model",
        from_scratch=None,
        simple=simple,
        out=evaluation,
        monitor=Silent(),
    )
    return SimpleNamespace(folder=folder, metrics=metrics)


def table_of(world: SimpleNamespace) -> pd.DataFrame:
    return pd.read_parquet(world.folder / "evaluation" / "predictions.parquet")


@pytest.mark.slow
def test_it_learns_which_shapes_are_on_a_picture(world: SimpleNamespace) -> None:
    metrics = world.metrics
    assert metrics["micro_f1"] > 0.8 > metrics["majority/micro_f1"] > 0.3
    assert metrics["simple/micro_f1"] > 0.8
    assert metrics["micro_f1/low"] <= metrics["micro_f1"] <= metrics["micro_f1/high"]
    config = json.loads((world.folder / "tuned" / "model" / "config.json").read_text())
    assert problem_of(config) == PROBLEM
    assert json.loads((world.folder / "images" / "labels.json").read_text()) == list(NAMES)


@pytest.mark.slow
def test_a_picture_without_labels_is_a_picture(world: SimpleNamespace) -> None:
    table = table_of(world)
    assert sum(len(each) == 0 for each in table["gold"]) > 3
    for row in table.itertuples():
        assert len(row.probability) == len(row.predicted)
        assert all(share > 0.5 for share in row.probability)
        assert row.sure <= min(row.probability, default=1.0)


@pytest.mark.slow
def test_files_the_pipeline_and_the_served_model_are_answered_as_evaluated(
    world: SimpleNamespace,
) -> None:
    from tasks.problems.several_image_labels.served import _load_pyfunc

    table = table_of(world).head(12)
    files = [(name, world.folder / "data" / name) for name in table["image"]]
    folder = world.folder / "tuned" / "model"
    expected = [list(each) for each in table["predicted"]]
    again = pd.concat(answer_pictures(PROBLEM, folder, files))
    assert list(again["predicted"]) == expected
    encoded = [base64.b64encode(path.read_bytes()).decode() for _, path in files]
    served = _load_pyfunc(str(world.folder / "tuned")).predict(encoded)
    assert [sorted(e["label"] for e in row if e["applies"]) for row in served] == expected
    where = str(folder)
    pipe = transformers.pipeline("image-classification", model=where, image_processor=where)
    given = [decode(path.read_bytes(), name).image for name, path in files]
    found = pipe([each.convert("RGB") for each in given], function_to_apply="sigmoid", top_k=None)
    for ours, theirs in zip(served, found, strict=True):
        scores = {each["label"]: each["score"] for each in theirs}
        assert {each["label"]: each["score"] for each in ours} == pytest.approx(scores, abs=1e-4)


@pytest.mark.slow
def test_pages_show_labels_and_pictures_and_no_confusion(world: SimpleNamespace) -> None:
    card = (shown(pictures_card.show, world.folder / "images") / "card.md").read_text()
    assert all(name in card for name in NAMES)
    pages = shown(evaluation_card.show, world.folder / "evaluation")
    assert "micro-F1" in (pages / "card.md").read_text()
    assert not (pages / "confusion.png").exists()
    with Image.open(pages / "pictures.png") as sheet:
        assert np.asarray(sheet).std() > 10
