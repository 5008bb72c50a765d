"""Experiments from published models with heads of their own: run, compared, asked again, drawn."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from PIL import Image

from tasks.data.images.masks import shares_of
from tests.support.command import call
from tests.support.hub import hub_of
from tests.support.tiny_boxes import boxed_pictures, write_coco
from tests.support.tiny_masks import CLASSES, write_masked
from tests.support.tiny_own_heads import write_own_head

# Its kin: test_image_start.py, and tests/stages/images/test_own_heads.py.
pytestmark = [pytest.mark.slow, pytest.mark.long]
DETECTION, SEGMENTATION = "object-detection", "semantic-segmentation"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, prefect_server: str) -> Path:
    """The folder of two runs: a YOLOS in a folder, a SegFormer on the Hub; the same state."""
    folder = tmp_path_factory.mktemp("own")
    yolos = {"image_size": [32, 32], "patch_size": 8}
    write_own_head(folder / "yolos", "yolos", ["square", "lamp"], **yolos)
    write_own_head(folder / "segformer", "segformer", CLASSES[::-1])
    write_coco(folder / "boxes", boxed_pictures(40))
    write_masked(folder / "shapes", 40)
    write(folder, DETECTION, start="yolos", source="boxes")
    write(folder, SEGMENTATION, start="hf:team/tiny", source="shapes", classes=CLASSES)
    models = {"team/tiny": folder / "segformer"}
    with hub_of({"models": models}, folder / "kept") as hub:
        for problem in (DETECTION, SEGMENTATION):
            done = run(folder, prefect_server, problem, **hub.environment)
            assert done.returncode == 0, done.stdout + done.stderr
            (folder / f"{problem}.txt").write_text(done.stdout)
    return folder


def write(folder: Path, problem: str, start: str, **fields: Any) -> None:
    training = {"epochs": 1, "batch_size": 8, "precision": "fp32", "learning_rate": 0.003}
    values = {
        "name": problem,
        "start": start,
        "pixels": {"size": 32},
        "pretraining": {"steps": 0},
        "downstream": [{"name": "shapes", "problem": problem, **training, **fields}],
        "evaluation": {
            "bootstrap_samples": 100,
            "simple_baseline": False,
            "from_scratch": problem == DETECTION,
        },
    }
    (folder / f"{problem}.yaml").write_text(yaml.safe_dump(values, sort_keys=False))


def run(folder: Path, server: str, problem: str, *words: str, **environment: str) -> Any:
    found = {"TEMPER_HOME": str(folder / "home"), "PREFECT_API_URL": server}
    file, output = str(folder / f"{problem}.yaml"), str(folder / f"{problem}.json")
    return call("run", file, "--output", output, *words, environment=found | environment)


def stages_of(place: Path, problem: str) -> dict[str, dict[str, Any]]:
    result = json.loads((place / f"{problem}.json").read_text())
    return {stage["name"]: stage for stage in result["stages"]}


def test_it_is_compared_with_random_weights(place: Path) -> None:
    assert {"start", "finetuning shapes from scratch"} <= {*stages_of(place, DETECTION)}
    result = json.loads((place / f"{DETECTION}.json").read_text())
    assert "downstream/shapes/gain/low" in result["metrics"]


@pytest.mark.parametrize(
    ("problem", "built"),
    [
        (DETECTION, "YolosForObjectDetection"),
        (SEGMENTATION, "SegformerForSemanticSegmentation"),
    ],
)
def test_its_model_is_a_plain_one_of_transformers(place: Path, problem: str, built: str) -> None:
    folder = Path(stages_of(place, problem)["finetuning shapes"]["path"]) / "model"
    assert json.loads((folder / "config.json").read_text())["architectures"] == [built]


def test_labels_that_it_does_not_know_are_told_and_those_that_it_knows_are_kept(
    place: Path,
) -> None:
    told = "labels that the model to start from does not have"
    assert told in (place / f"{DETECTION}.txt").read_text()
    assert told not in (place / f"{SEGMENTATION}.txt").read_text()


@pytest.mark.parametrize("problem", [DETECTION, SEGMENTATION])
def test_predicting_the_test_pictures_gives_and_draws_the_answers_of_the_evaluation(
    place: Path, problem: str, prefect_server: str
) -> None:
    stages = stages_of(place, problem)
    evaluated = Path(stages["evaluation shapes"]["path"]) / "predictions.parquet"
    answers = pd.read_parquet(evaluated).set_index("image")["predicted"]
    source = place / ("boxes" if problem == DETECTION else "shapes") / "images"
    out, drawn = place / f"{problem}.csv", place / f"{problem}-drawn"
    words = ("predict", stages["finetuning shapes"]["model"], str(source), "--output", str(out))
    environment = {"TEMPER_HOME": str(place / "home"), "PREFECT_API_URL": prefect_server}
    done = call(*words, "--draw", str(drawn), environment=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    found = pd.read_csv(out).set_index("image")["predicted"]
    assert len(found) == 40
    for image, answer in answers.items():
        other = found[Path(str(image)).name]
        if problem == DETECTION:
            same_boxes(json.loads(answer), json.loads(other))
        else:
            square, whole = shares_of(answer), shares_of(other)
            assert square == pytest.approx(whole, abs=0.03)
    pictures = [each for each in drawn.iterdir() if not each.name.endswith(".mask.png")]
    assert len(pictures) == 40
    with Image.open(pictures[0]) as picture:
        assert picture.mode == "RGB"


def same_boxes(square: list[dict[str, Any]], whole: list[dict[str, Any]]) -> None:
    """Boxes in the square of 32 pixels, and in their picture of 20."""
    assert [each["label"] for each in square] == [each["label"] for each in whole]
    for one, other in zip(square, whole, strict=True):
        assert [each * 20 / 32 for each in one["box"]] == pytest.approx(other["box"], abs=0.02)
        assert one["score"] == pytest.approx(other["score"], abs=1e-3)


def test_what_its_head_is_not_for_is_refused_before_anything_is_computed(
    place: Path, prefect_server: str
) -> None:
    for words, said in (
        (["pretraining.steps=5", "images.source=boxes"], "brings a head of its own"),
        (["downstream.shapes.problem=image-classification"], "is for object-detection"),
        (["downstream.shapes.tuning.method=lora"], "accepted with it: 'full'"),
        (["pixels.size=33"], "pixels.size: found 33; accepted with"),
    ):
        settings = [part for word in words for part in ("--set", word)]
        done = run(place, prefect_server, DETECTION, *settings)
        assert done.returncode != 0
        assert said in " ".join((done.stdout + done.stderr).split())
        assert "Traceback" not in done.stderr
