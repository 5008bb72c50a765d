"""Two models on one test of pictures: the rule, the slices, and pictures that one has learnt."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from tasks.contract import Silent, StageError
from tasks.experiment.images.problem import ImageTuning
from tasks.experiment.images.training import Augmentation
from tasks.experiment.retraining import Rule
from tasks.pages import decision_card
from tasks.problems import load
from tasks.stages.images.finetuning import finetune_on_images
from tasks.stages.judgement import judge, pictures_alike, require_places
from tests.support.shown import shown
from tests.support.tiny_pixels import write_image_body, write_pixels

PROBLEM = "image-classification"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stored pictures with their hashes, a model that has learnt, and one that has not."""
    folder = tmp_path_factory.mktemp("world")
    data, body = write_pixels(folder / "data"), write_image_body(folder / "body")
    rows = [
        {"image": name, "split": split, "key": name.encode()}
        for split in ("train", "validation", "test")
        for name in pd.read_parquet(data / f"{split}.parquet")["image"]
    ]
    pd.DataFrame(rows).to_parquet(folder / "keys.parquet")
    for name, epochs in {"good": 12, "poor": 1}.items():
        out = folder / name
        out.mkdir()
        still = Augmentation(crop=1, shift=0, rotation=0, colour=0)
        training = ImageTuning(
            epochs=epochs, batch_size=15, learning_rate=0.01, precision="fp32", augmentation=still
        )
        finetune_on_images(
            PROBLEM,
            training,
            0,
            data=data,
            body=None,
            architecture=body,
            out=out,
            monitor=Silent(),
        )
    return folder


def judged(world: Path, out: Path, challenger: str, champion: str, **more):
    out.mkdir()
    metrics = judge(
        PROBLEM,
        Rule(bootstrap_samples=200),
        0,
        data=world / "data",
        challenger=world / challenger / "model",
        champion=world / champion / "model",
        keys=world / "keys.parquet",
        out=out,
        monitor=Silent(),
        **more,
    )
    return metrics, json.loads((out / "decision.json").read_text())


def test_the_better_model_wins_and_slices_are_quarters_by_brightness(world, tmp_path) -> None:
    metrics, decision = judged(world, tmp_path / "out", "good", "poor")
    assert decision["outcome"] == "promoted"
    assert metrics["gain/low"] > 0
    assert {row["name"] for row in decision["rows"]} >= {"darkest quarter", "brightest quarter"}
    page = (shown(decision_card.show, tmp_path / "out") / "card.md").read_text()
    assert "## accuracy by brightness" in page


def test_pictures_that_the_champion_has_learnt_are_left_out(world, tmp_path) -> None:
    test = pd.read_parquet(world / "data" / "test.parquet")
    names = list(test["image"])
    table = tmp_path / "learnt.parquet"
    seen = {"image": ["a", "b", "c"], "split": ["train", "train", "test"]}
    keys = [names[0].encode(), b"other", names[1].encode()]
    pd.DataFrame(seen | {"key": keys}).to_parquet(table)
    alike = pictures_alike(test, world / "keys.parquet", [table])
    assert [name for name, each in zip(names, alike, strict=True) if each] == names[:1]
    metrics, decision = judged(world, tmp_path / "out", "good", "poor", learnt=[table])
    assert metrics["left_out"] == 1
    assert "1 rows of the test split are left out for both models" in decision["remarks"][0]


def test_boxes_of_other_classes_cannot_be_compared() -> None:
    require_places(load(PROBLEM), "champion", ["a"], ["a", "b"])
    with pytest.raises(StageError, match="the model of the champion has the classes a, and the"):
        require_places(load("object-detection"), "champion", ["a"], ["a", "b"])
