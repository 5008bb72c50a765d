"""An experiment with masks and boxes by the commands: run, served by MLflow, exported, drawn."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from tests.support.command import call
from tests.support.tiny_boxes import KINDS, boxed_pictures, write_yolo
from tests.support.tiny_boxes import PROBLEM as OF_BOXES
from tests.support.tiny_images import write_pictures
from tests.support.tiny_masks import CLASSES, PROBLEM, write_masked

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, prefect_server: str) -> Path:
    """The folder of a run: its state, its result, its model."""
    folder = tmp_path_factory.mktemp("masks")
    write_pictures(folder / "many", 60, 1)
    write_masked(folder / "shapes", 60)
    write_yolo(folder / "yolo", boxed_pictures(60))
    tuning: dict[str, Any] = {"epochs": 2, "batch_size": 16}
    values = {
        "name": "tiny-masks",
        "images": {"source": "many", "validation_share": 0.2},
        "pixels": {"size": 16},
        "pretraining": {"steps": 4, "batch_size": 16, "log_every": 2},
        "downstream": [
            {
                "name": "shapes",
                "problem": PROBLEM,
                "source": "shapes",
                "classes": CLASSES,
                **tuning,
            },
            {"name": "boxes", "problem": OF_BOXES, "source": "yolo", **tuning},
        ],
        "evaluation": {"bootstrap_samples": 200},
    }
    (folder / "masks.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
    temper(folder, prefect_server, "run", "masks.yaml", "--output", str(folder / "result.json"))
    return folder


def temper(folder: Path, server: str, *words: str) -> str:
    environment = {"TEMPER_HOME": str(folder / "home"), "PREFECT_API_URL": server}
    words = tuple(str(folder / each) if each.endswith(".yaml") else each for each in words)
    done = call(*words, environment=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def model_of(place: Path, problem: str = "shapes") -> str:
    result = json.loads((place / "result.json").read_text())
    return str(next(s["model"] for s in result["stages"] if s["name"] == f"finetuning {problem}"))


def test_it_is_measured_and_a_second_run_computes_nothing(place, prefect_server) -> None:
    metrics = json.loads((place / "result.json").read_text())["metrics"]
    of_each = {"shapes": "mean_iou", "boxes": "average_precision"}
    for problem, headline in of_each.items():
        for name in (headline, "gain", "over_simple"):
            value, low, high = (
                metrics[f"downstream/{problem}/{name}{end}"] for end in ("", "/low", "/high")
            )
            assert low <= value <= high
    assert "stages are cached" in temper(place, prefect_server, "run", "masks.yaml")


def test_boxes_are_served_and_drawn(place, prefect_server, monkeypatch) -> None:
    import mlflow

    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{place / 'home' / 'mlflow.db'}")
    mlflow.set_tracking_uri(f"sqlite:///{place / 'home' / 'mlflow.db'}")
    model = model_of(place, "boxes")
    pictures = place / "yolo" / "images"
    text = base64.b64encode((pictures / "000.png").read_bytes()).decode()
    [found] = mlflow.pyfunc.load_model(model).predict([text]).to_dict("records")
    boxes, labels = json.loads(found["boxes"]), json.loads(found["labels"])
    assert len(boxes) == len(labels) == len(json.loads(found["scores"]))
    assert {*labels} <= {*KINDS}
    words = ("--output", str(place / "boxes.jsonl"), "--draw", str(place / "boxed"))
    temper(place, prefect_server, "predict", model, str(pictures), *words)
    first = json.loads((place / "boxes.jsonl").read_text().splitlines()[0])
    assert [each["label"] for each in json.loads(first["predicted"])] == labels
    assert Image.open(place / "boxed" / "000.png.png").size == (20, 20)


def test_mlflow_has_the_model_with_its_code(place, monkeypatch) -> None:
    import mlflow

    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{place / 'home' / 'mlflow.db'}")
    mlflow.set_tracking_uri(f"sqlite:///{place / 'home' / 'mlflow.db'}")
    served = mlflow.pyfunc.load_model(model_of(place))
    files = sorted((place / "shapes" / "images").iterdir())[:2]
    found = served.predict([base64.b64encode(file.read_bytes()).decode() for file in files])
    for text in found["mask"]:
        mask = Image.open(io.BytesIO(base64.b64decode(text)))
        assert (mask.mode, mask.size) == ("P", (20, 20))
        assert set(np.unique(np.asarray(mask))) <= {0, 1, 2}


def test_its_answers_are_written_and_drawn(place, prefect_server) -> None:
    output, drawn = place / "answers.jsonl", place / "drawn"
    words = ("--output", str(output), "--draw", str(drawn))
    temper(
        place, prefect_server, "predict", model_of(place), str(place / "shapes" / "images"), *words
    )
    rows = [json.loads(line) for line in output.read_text().splitlines()]
    assert len(rows) == 60
    assert json.loads(rows[0]["predicted"])["size"] == [20, 20]
    masks = {file.name: Image.open(file) for file in drawn.glob("*.mask.png")}
    assert len(masks) == 60
    assert {mask.size for mask in masks.values()} == {(20, 20)}
    assert Image.open(drawn / f"{rows[0]['image']}.png").mode == "RGB"


def test_the_exported_card_says_what_loads_it(place, prefect_server) -> None:
    folder = place / "exported"
    temper(place, prefect_server, "export", model_of(place), "--to", str(folder))
    card = (folder / "README.md").read_text()
    assert "its head is Temper's own" in card
    assert "pipeline_tag: image-segmentation" in card
