"""A whole experiment on images: computed once, cached, compared, logged in MLflow, served."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import call
from tests.support.tiny_images import STAGES, write_image_experiment

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, prefect_server: str) -> Path:
    """The folder of a run of the tiny experiment: its state, and its result."""
    folder = tmp_path_factory.mktemp("images")
    write_image_experiment(folder)
    run(folder, prefect_server)
    return folder


def run(folder: Path, server: str, *words: str) -> tuple[dict[str, Any], str]:
    """Run the experiment; its result, and what was printed."""
    environment = {"TEMPER_HOME": str(folder / "home"), "PREFECT_API_URL": server}
    output = folder / "result.json"
    file = str(folder / "images.yaml")
    done = call("run", file, "--output", str(output), *words, environment=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(output.read_text()), done.stdout


def test_a_second_run_computes_nothing(place: Path, prefect_server: str) -> None:
    result, printed = run(place, prefect_server)
    assert f"all {STAGES} stages are cached" in printed
    assert len(result["stages"]) == STAGES
    assert {stage["state"] for stage in result["stages"]} == {"cached"}


@pytest.mark.long
def test_another_learning_rate_trains_that_problem_only(place: Path, prefect_server: str) -> None:
    change = ("--set", "downstream.kinds.learning_rate=2e-3")
    result, _ = run(place, prefect_server, *change)
    computed = {stage["name"] for stage in result["stages"] if stage["state"] != "cached"}
    tuned = {"finetuning kinds", "finetuning kinds from scratch"}
    assert computed == {*tuned, "evaluation kinds", "report"}


def test_it_is_compared_with_scratch_the_simple_model_and_the_majority(place: Path) -> None:
    metrics = json.loads((place / "result.json").read_text())["metrics"]
    for name in ("accuracy", "gain", "over_simple"):
        value, low, high = (
            metrics[f"downstream/kinds/{name}{end}"] for end in ("", "/low", "/high")
        )
        assert low <= value <= high
    assert metrics["downstream/kinds/majority/accuracy"] < 0.6
    assert metrics["pretraining/probe_accuracy"] > 1 / 3


def test_mlflow_has_the_model_and_it_answers_pictures_in_base64(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow

    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{place / 'home' / 'mlflow.db'}")
    mlflow.set_tracking_uri(f"sqlite:///{place / 'home' / 'mlflow.db'}")
    result = json.loads((place / "result.json").read_text())
    model = next(s["model"] for s in result["stages"] if s["name"] == "finetuning kinds")
    served = mlflow.pyfunc.load_model(model)
    pictures = sorted((place / "few" / "disc").glob("*.png"))[:3]
    asked = [base64.b64encode(file.read_bytes()).decode() for file in pictures]
    answers = served.predict(asked)
    assert len(answers) == 3
    assert set(answers["label"]) <= {"bar", "disc", "frame"}
    folder = model.removeprefix("models:/")
    [needs] = (place / "home" / "mlartifacts").rglob(f"{folder}/**/requirements.txt")
    assert "torchvision" not in needs.read_text()


def test_a_model_is_exported_with_what_is_known_of_it(place: Path, prefect_server: str) -> None:
    result = json.loads((place / "result.json").read_text())
    model = next(s["model"] for s in result["stages"] if s["name"] == "finetuning kinds")
    environment = {"TEMPER_HOME": str(place / "home"), "PREFECT_API_URL": prefect_server}
    folder = place / "exported"
    done = call("export", model, "--to", str(folder), environment=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    card = (folder / "README.md").read_text()
    assert 'AutoImageProcessor.from_pretrained(".")' in card
    assert "pictures: 68 train" in card
    assert "pre-trained on" in card


def part(place: Path, server: str, *words: str) -> tuple[dict[str, Any], str]:
    """Run a part of the experiment; its result, and what was printed."""
    environment = {"TEMPER_HOME": str(place / "home"), "PREFECT_API_URL": server}
    output = place / "part.json"
    done = call(*words, "--output", str(output), environment=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(output.read_text()), done.stdout


def model_of(place: Path, stage: str) -> str:
    """The model of a stage of the run, as MLflow names it."""
    stages = json.loads((place / "result.json").read_text())["stages"]
    return str(next(each["model"] for each in stages if each["name"] == stage))


def test_pre_training_alone_is_the_cached_one_and_is_registered(
    place: Path, prefect_server: str
) -> None:
    words = ("pretrain", str(place / "images.yaml"), "--register", "shapes-body")
    result, printed = part(place, prefect_server, *words)
    assert {stage["state"] for stage in result["stages"]} == {"cached"}
    assert "models:/shapes-body/1" in printed


def test_evaluating_alone_measures_what_the_run_has_measured(
    place: Path, prefect_server: str
) -> None:
    model = model_of(place, "finetuning kinds")
    result, _ = part(place, prefect_server, "evaluate", model, str(place / "images.yaml"))
    known = json.loads((place / "result.json").read_text())["metrics"]
    name = "downstream/kinds/accuracy"
    assert result["metrics"][name] == known[name]
    assert "leakage kinds" in {stage["name"] for stage in result["stages"]}


def test_fine_tuning_alone_reuses_what_the_run_has_fine_tuned(
    place: Path, prefect_server: str
) -> None:
    words = ("finetune", model_of(place, "pretraining"), str(place / "images.yaml"))
    result, _ = part(place, prefect_server, *words)
    states = {stage["name"]: stage["state"] for stage in result["stages"]}
    assert "pretraining" not in states
    assert states["finetuning kinds"] == states["evaluation kinds"] == "cached"
    assert states["leakage kinds"] == "completed"
