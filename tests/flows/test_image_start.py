"""An experiment on images from a model of the Hub: fine-tuned at once, and asked again."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from tests.support.command import call
from tests.support.hub import hub_of
from tests.support.tiny_images import write_pictures
from tests.support.tiny_published import write_published

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, prefect_server: str) -> Path:
    """The folder of a run from `hf:team/tiny`: its state, and its result."""
    folder = tmp_path_factory.mktemp("start")
    published = write_published(folder / "published", "resnet")
    write_pictures(folder / "few", 90, 2)
    problem = {"name": "kinds", "problem": "image-classification", "source": "few"}
    training = {"epochs": 4, "batch_size": 16, "precision": "fp32", "learning_rate": 0.01}
    values = {
        "name": "from-the-hub",
        "start": "hf:team/tiny",
        "pixels": {"size": 16},
        "pretraining": {"steps": 0},
        "downstream": [problem | training],
        "evaluation": {"bootstrap_samples": 200},
    }
    (folder / "start.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
    with hub_of({"models": {"team/tiny": published}}, folder / "kept") as hub:
        output = folder / "result.json"
        file = str(folder / "start.yaml")
        environment = environment_of(folder, prefect_server) | hub.environment
        done = call("run", file, "--output", str(output), environment=environment)
        assert done.returncode == 0, done.stdout + done.stderr
    return folder


def environment_of(folder: Path, server: str) -> dict[str, str]:
    return {"TEMPER_HOME": str(folder / "home"), "PREFECT_API_URL": server}


def result_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "result.json").read_text())
    return found


def test_nothing_is_pre_trained_and_the_gain_is_over_random_weights(place: Path) -> None:
    result = result_of(place)
    stages = {stage["name"] for stage in result["stages"]}
    assert "start" in stages
    assert "finetuning kinds from scratch" in stages
    assert "pretraining" not in stages
    assert "downstream/kinds/gain/low" in result["metrics"]


def test_the_report_says_that_its_training_data_are_unknown(place: Path) -> None:
    [report] = (place / "home" / "store" / "report").rglob("report.md")
    page = report.read_text()
    assert "ResNetForImageClassification" in page
    assert "Its training data are unknown" in page


def test_predicting_the_test_pictures_gives_the_answers_of_the_evaluation(
    place: Path, prefect_server: str
) -> None:
    stages = {stage["name"]: stage for stage in result_of(place)["stages"]}
    answers = pd.read_parquet(Path(stages["evaluation kinds"]["path"]) / "predictions.parquet")
    out = place / "answers.csv"
    words = ("predict", stages["finetuning kinds"]["model"], str(place / "few"))
    done = call(*words, "--output", str(out), environment=environment_of(place, prefect_server))
    assert done.returncode == 0, done.stdout + done.stderr
    found = {row["image"]: row for row in csv.DictReader(out.open())}
    assert len(found) == 90
    for _, row in answers.iterrows():
        assert found[row["image"]]["predicted"] == row["predicted"]
        assert float(found[row["image"]]["probability"]) == pytest.approx(row["probability"], 1e-4)
