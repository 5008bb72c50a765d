"""The parts on their own: each shares its stages with whole experiments, whoever made the model."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from flows.experiment import run_experiment
from flows.loading import load_experiment
from flows.parts import finetune, pretrain
from tasks.jobs import FinetuneJob, PretrainJob
from tasks.machinery.home import make_home
from tasks.spec import Experiment
from tests.flows.tiny import write_experiment


class Place:
    """A state folder in which the tiny experiment has run once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = write_experiment(folder / "data")
        self.whole: Experiment = load_experiment(str(self.file))
        self.first: dict[str, Any] = run_experiment(self.whole)
        self.client = MlflowClient(self.first["mlflow"]["tracking_uri"])

    def stage(self, name: str) -> dict[str, Any]:
        [found] = [stage for stage in self.first["stages"] if stage["name"] == name]
        return found

    def problem(self, name: str) -> Any:
        [found] = [each for each in self.whole.downstream if each.name == name]
        return found


@pytest.fixture(scope="module")
def place(tmp_path_factory, prefect_server: str) -> Iterator[Place]:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    folder = tmp_path_factory.mktemp("parts")
    with (
        pytest.MonkeyPatch.context() as patch,
        temporary_settings({PREFECT_API_URL: prefect_server}),
    ):
        patch.setenv("TEMPER_HOME", str(folder / "home"))
        patch.setenv("PREFECT_API_URL", prefect_server)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        make_home()
        yield Place(folder)


def states(result: dict[str, Any]) -> dict[str, str]:
    return {stage["name"]: stage["state"] for stage in result["stages"]}


def page_of(result: dict[str, Any], stage: str = "report") -> str:
    [path] = [Path(each["path"]) for each in result["stages"] if each["name"] == stage]
    return (path / "show" / "card.md").read_text()


def test_pretraining_alone_shares_every_stage_with_the_whole_experiment(place: Place) -> None:
    result = pretrain(PretrainJob.of(place.whole))
    names = ["dataset mood", "dataset names", "corpus", "tokenizer", "tokens", "pretraining"]
    assert states(result) == dict.fromkeys(names, "cached")
    assert result["stages"] == [stage | {"state": "cached"} for stage in place.first["stages"][:6]]
    run = place.client.get_run(result["mlflow"]["run_id"])
    assert run.data.tags["temper.stage"] == "pretrain"
    assert run.data.metrics["pretraining/validation_loss"] > 0
    assert run.data.params["held_out.mood.source"].endswith("moods.csv")
    assert run.data.tags["mlflow.note.content"].startswith("# Pre-training")


def test_fine_tuning_the_same_body_shares_every_stage_whatever_it_is_called(place: Place) -> None:
    body = place.stage("pretraining")
    logged = place.client.get_run(body["run_id"])
    [model] = place.client.search_logged_models(
        [logged.info.experiment_id], filter_string=f"source_run_id = '{body['run_id']}'"
    )
    copied = shutil.copytree(Path(body["path"]) / "model", place.folder / "elsewhere")
    references = {
        "logged": f"models:/{model.model_id}",
        "run": f"runs:/{body['run_id']}",
        "experiment": f"runs:/{place.first['mlflow']['run_id']}/pretraining",
        "folder": str(copied),
    }
    results = {}
    for name, reference in references.items():
        results[name] = finetune(FinetuneJob.of(reference, place.whole, place.whole.downstream))
        found = states(results[name])
        own = {"leakage mood", "leakage names", "report"} if name == "logged" else set()
        assert {k for k, v in found.items() if v == "completed"} == own
        assert {stage["fingerprint"] for stage in results[name]["stages"]} == {
            stage["fingerprint"] for stage in results["logged"]["stages"]
        }
    assert results["run"]["metrics"]["downstream/mood/leaking"] == 0
    whole = place.first["metrics"]
    assert {k: v for k, v in results["run"]["metrics"].items() if k in whole} == {
        k: v for k, v in whole.items() if k.startswith("downstream/")
    }
    page = page_of(results["run"])
    assert "BertForPreTraining" in page
    assert "Pre-trained by Temper" in page
    assert "holds a test row" in page
