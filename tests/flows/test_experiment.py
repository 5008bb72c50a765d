"""The whole chain as a person runs it: the command line, real Prefect, real MLflow."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from mlflow import MlflowClient

from tests.support.command import call
from tests.support.tiny_experiment import write_experiment

NAMES = ("mood", "names")  # of the problems
STAGES = [
    "dataset mood",
    "dataset names",
    "baseline mood",
    "baseline names",
    "corpus",
    "tokenizer",
    "tokens",
    "pretraining",
    "finetuning mood",
    "finetuning mood from scratch",
    "evaluation mood",
    "finetuning names",
    "finetuning names from scratch",
    "evaluation names",
    "report",
]


def temper(*words: str, home: Path, server: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a person does."""
    environment = os.environ | {"TEMPER_HOME": str(home), "PREFECT_API_URL": server}
    environment |= {"COLUMNS": "200"}
    environment.pop("MLFLOW_TRACKING_URI", None)
    return call(*words, environment=environment)


@pytest.fixture(scope="module")
def place(tmp_path_factory, prefect_server: str) -> SimpleNamespace:
    """A state folder in which the tiny experiment has run once."""
    folder = tmp_path_factory.mktemp("chain")
    file = write_experiment(folder / "data")

    def call(*words: str) -> subprocess.CompletedProcess[str]:
        return temper(*words, home=folder / "home", server=prefect_server)

    def run(*words: str) -> dict[str, Any]:
        output = folder / "out.json"
        done = call("run", str(file), "--output", str(output), *words)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return json.loads(output.read_text()) | {"printed": done.stdout}

    return SimpleNamespace(folder=folder, file=file, call=call, run=run, first=run())


@pytest.fixture(scope="module")
def client(place: SimpleNamespace) -> MlflowClient:
    return MlflowClient(place.first["mlflow"]["tracking_uri"])


def states(result: dict[str, Any]) -> dict[str, str]:
    return {stage["name"]: stage["state"] for stage in result["stages"]}


def test_the_first_run_computes_every_stage(place) -> None:
    assert states(place.first) == dict.fromkeys(STAGES, "completed")


def test_a_second_run_computes_nothing_and_gives_the_same_numbers(place) -> None:
    again = place.run()
    assert states(again) == dict.fromkeys(STAGES, "cached")
    assert again["metrics"] == place.first["metrics"]
    assert f"all {len(STAGES)} stages are cached" in again["printed"]


def test_one_changed_number_of_a_problem_reruns_that_problem_alone(place) -> None:
    change = ["--set", "downstream.mood.learning_rate=2e-3"]
    plan = place.call("plan", str(place.file), *change)
    assert "training.learning_rate: 0.001 → 0.002" in plan.stdout
    expected = {"finetuning mood", "finetuning mood from scratch", "evaluation mood", "report"}
    again = place.run(*change)
    assert {name for name, state in states(again).items() if state == "completed"} == expected
    foretold = [line for line in plan.stdout.splitlines() if "  run  " in line]
    assert {line.partition("  ")[0] for line in foretold} == expected


def test_moving_the_data_reruns_nothing(place, tmp_path) -> None:
    import shutil

    moved = shutil.copytree(place.file.parent, tmp_path / "elsewhere")
    plan = place.call("plan", str(moved / "tiny.yaml"))
    assert f"all {len(STAGES)} stages are cached" in plan.stdout


def test_one_changed_character_of_the_corpus_reruns_what_reads_it(place, tmp_path) -> None:
    import shutil

    moved = shutil.copytree(place.file.parent, tmp_path / "elsewhere")
    text = moved / "texts" / "000.txt"
    text.write_text(text.read_text().replace("The", "Tha", 1))
    plan = place.call("plan", str(moved / "tiny.yaml")).stdout.splitlines()
    planned = {line.partition("  ")[0]: line for line in plan}
    assert "  cached" in planned["dataset mood"]
    assert "texts" not in planned["dataset mood"]
    assert "  run  " in planned["corpus"]
    assert "000.txt" in planned["corpus"]


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["corpus", "dataset"])
def test_what_reads_the_same_bytes_of_a_stage_that_ran_again_stays_cached(place, stage) -> None:
    again = place.run("--refresh", stage)
    expected = {name for name in STAGES if name.split()[0] == stage}
    assert {name for name, state in states(again).items() if state == "completed"} == expected
    assert again["metrics"] == place.first["metrics"]


def test_a_plan_names_the_library_that_differs(place, tmp_path, monkeypatch) -> None:
    installed = importlib.metadata.version("scipy")
    newer = tmp_path / "scipy-99.1.2.dist-info"
    newer.mkdir()
    (newer / "METADATA").write_text("Metadata-Version: 2.1\nName: scipy\nVersion: 99.1.2\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    plan = place.call("plan", str(place.file)).stdout
    minor = ".".join(installed.split(".")[:2])
    assert plan.count(f"library scipy: {minor} → 99.1") == 8, "each that computes metrics"
    runs = {line.partition("  ")[0] for line in plan.splitlines() if "  run  " in line}
    metrics = {f"finetuning {name}{of}" for name in NAMES for of in ("", " from scratch")}
    metrics |= {f"{stage} {name}" for stage in ("baseline", "evaluation") for name in NAMES}
    assert runs == metrics | {"report"}
    monkeypatch.setenv("TEMPER_VERSIONS", "exact")
    exact = place.call("plan", str(place.file)).stdout
    assert f"library scipy: {minor} → 99.1.2" in exact
    assert "  cached" not in exact


def test_the_metrics_have_the_names_that_others_rely_on(place) -> None:
    metrics = place.first["metrics"]
    names = {"pretraining/validation_loss"}
    for problem, headline in (("mood", "accuracy"), ("names", "f1")):
        base = f"downstream/{problem}"
        for name in (headline, "gain", f"from_scratch/{headline}"):
            names |= {f"{base}/{name}", f"{base}/{name}/low", f"{base}/{name}/high"}
    assert names <= metrics.keys()
    for name in names:
        if f"{name}/low" in names:
            assert metrics[f"{name}/low"] <= metrics[name] <= metrics[f"{name}/high"]


def test_the_parent_run_is_a_complete_row(place, client) -> None:
    run = client.get_run(place.first["mlflow"]["run_id"])
    assert run.info.status == "FINISHED"
    assert run.data.metrics.items() >= place.first["metrics"].items()
    params = run.data.params
    assert params["pretraining.learning_rate"] == "0.001"
    assert params["downstream.mood.epochs"] == "2"
    assert len(run.data.tags) <= 35, "the rest is in one file"
    tags = run.data.tags
    assert tags["temper.flow_run_id"] == place.first["flow_run_id"]
    assert tags["temper.git.clean"] in ("true", "false")
    assert {dataset.dataset.name for dataset in run.inputs.dataset_inputs}
    assert any(file.path.endswith(".md") for file in client.list_artifacts(run.info.run_id))


def test_every_stage_is_a_finished_child_run(place, client) -> None:
    for stage in place.first["stages"]:
        run = client.get_run(stage["run_id"])
        assert (run.info.status, run.data.tags["mlflow.parentRunId"]) == (
            "FINISHED",
            place.first["mlflow"]["run_id"],
        )


def test_training_leaves_curves_by_step(place, client) -> None:
    [pretraining] = [s for s in place.first["stages"] if s["name"] == "pretraining"]
    for name in ("loss", "learning_rate", "gradient_norm", "tokens_per_second", "padding_share"):
        steps = [p.step for p in client.get_metric_history(pretraining["run_id"], name)]
        assert steps == sorted(steps)
        assert len(set(steps)) == len(steps) >= 3, name


def test_every_trained_model_loads_from_mlflow_and_predicts(place, client) -> None:
    import mlflow

    mlflow.set_tracking_uri(place.first["mlflow"]["tracking_uri"])
    models = client.search_logged_models([place.first["mlflow"]["experiment_id"]])
    chosen = {model.source_run_id: model for model in models}
    texts = {"pretraining": "the [MASK] cat", "finetuning": "the lovely cat saw a dog in Paris"}
    trained = [s for s in place.first["stages"] if s["name"].split()[0] in texts]
    assert len(trained) == 5
    for stage in trained:
        uri = f"models:/{chosen[stage['run_id']].model_id}"
        text = texts[stage["name"].split()[0]]
        model = mlflow.pyfunc.load_model(uri)
        assert model.metadata.signature.inputs is not None
        assert len(model.predict([text])) == 1
        assert mlflow.transformers.load_model(uri).tokenizer.vocab_size > 5


def test_the_models_are_on_the_page_of_the_run_and_have_one_reference(place, client) -> None:
    named = {s["name"]: s["model"] for s in place.first["stages"] if s["model"]}
    assert len(named) == 5
    run = client.get_run(place.first["mlflow"]["run_id"])
    made = {f"models:/{each.model_id}" for each in run.outputs.model_outputs}
    assert made == set(named.values())
    assert len(run.outputs.model_outputs) == 5, "each once"


def test_evaluation_metrics_are_attached_to_the_model_and_the_data_set(place, client) -> None:
    models = client.search_logged_models([place.first["mlflow"]["experiment_id"]])
    [tuned] = [m for m in models if m.tags["temper.run_name"] == "finetuning mood"][-1:]
    attached = {metric.key: metric for metric in tuned.metrics or []}
    assert attached["accuracy"].value == place.first["metrics"]["downstream/mood/accuracy"]
    assert attached["accuracy"].dataset_digest


def test_a_data_card_is_logged_for_every_data_set(place, client) -> None:
    for stage in place.first["stages"]:
        if stage["name"].split()[0] in ("corpus", "dataset"):
            files = {file.path for file in client.list_artifacts(stage["run_id"])}
            assert "card.md" in files
            assert any(file.endswith(".png") for file in files)


def test_an_invalid_experiment_ends_with_2_and_computes_nothing(place, tmp_path) -> None:
    done = temper(
        "run", str(place.file), "--set", "model.heads=3", home=tmp_path / "none", server="unused"
    )
    assert done.returncode == 2
    assert "heads (3) must divide hidden_size (16)" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "none").exists()


def test_a_failed_stage_ends_with_1_and_says_that_the_rest_is_kept(place, tmp_path) -> None:
    import shutil

    moved = shutil.copytree(place.file.parent, tmp_path / "elsewhere")
    done = place.call("run", str(moved / "tiny.yaml"), "--set", "corpus.min_characters=100000")
    assert done.returncode == 1
    assert "corpus failed" in done.stderr
    assert "run the same command again to resume" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize("words", [[], ["run"], ["plan"], ["presets"]])
def test_help_is_complete(words: list[str], tmp_path) -> None:
    done = temper(*words, "--help", home=tmp_path, server="unused")
    assert done.returncode == 0
    assert "Usage" in done.stdout


def test_presets_are_listed(tmp_path) -> None:
    done = temper("presets", home=tmp_path, server="unused")
    assert done.stdout.startswith("demo  ")
