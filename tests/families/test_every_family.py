"""Every family goes through the chain: pre-trained, fine-tuned for each problem, loaded again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mlflow
import pytest

from tasks import families
from tests.support.database import make_state_folder
from tests.support.tiny_experiment import write_experiment

pytestmark = pytest.mark.slow

Run = Callable[[str], dict[str, Any]]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, prefect_server: str) -> Iterator[Run]:
    """Runs the tiny experiment with a family, in one state folder: they share data and tokens."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from flows.experiment import run_experiment
    from flows.presets.loading import load_experiment

    folder = tmp_path_factory.mktemp("families")
    file = write_experiment(folder / "data")
    make_state_folder(folder / "home")
    settings = ("pretraining.embeddings=cooccurrence",)
    settings += ("pretraining.steps=60", "pretraining.learning_rate=3e-3")
    settings += ("evaluation.from_scratch=false", "evaluation.simple_baseline=false")
    settings += ("model.hidden_size=32", "downstream.mood.epochs=8", "downstream.names.epochs=8")
    settings += ("downstream.mood.learning_rate=5e-3", "downstream.names.learning_rate=5e-3")

    def call(family: str) -> dict[str, Any]:
        objective = "clm" if "next tokens" in families.load(family).HEADS else "mlm"
        chosen = (f"model.family={family}", f"pretraining.objective={objective}")
        return run_experiment(load_experiment(str(file), [*settings, *chosen]))

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TEMPER_HOME", str(folder / "home"))
        patch.setenv("PREFECT_API_URL", prefect_server)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        with temporary_settings({PREFECT_API_URL: prefect_server}):
            yield call


@pytest.mark.parametrize("family", families.names())
def test_it_learns_and_is_loaded_as_what_it_is(family: str, run: Run) -> None:
    result = run(family)
    metrics = result["metrics"]
    assert metrics["pretraining/validation_loss"] < metrics["pretraining/unigram_loss"]
    for problem, metric in (("mood", "accuracy"), ("names", "f1")):
        majority = metrics[f"downstream/{problem}/majority/{metric}"]
        assert metrics[f"downstream/{problem}/{metric}"] > majority, problem
    models = {
        stage["name"]: Path(stage["path"]) / "model"
        for stage in result["stages"]
        if stage["name"].startswith(("pretraining", "finetuning"))
    }
    for folder in models.values():
        config = json.loads((folder / "config.json").read_text())
        assert config["model_type"] == family
    mlflow.set_tracking_uri(result["mlflow"]["tracking_uri"])
    client = mlflow.MlflowClient()
    [stage] = [each for each in result["stages"] if each["name"] == "finetuning mood"]
    logged = client.get_run(stage["run_id"]).outputs.model_outputs[0].model_id
    answers = mlflow.pyfunc.load_model(f"models:/{logged}").predict(["the merry cat saw a dog"])
    assert set(answers["label"]) <= {"good", "bad"}
