"""Scores, pairs and several labels through the whole chain, killed in each fine-tuning."""

from __future__ import annotations

import csv
import json
import os
import random
import signal
import time
from pathlib import Path
from types import SimpleNamespace

import mlflow
import pandas as pd
import pytest
import yaml

from tests.support.command import Command, call
from tests.support.process import finish, start, weights
from tests.support.tiny_experiment import ANIMALS, GOOD, PLACES, sentence
from tests.support.tiny_experiment import write_experiment as write_tiny

pytestmark = pytest.mark.slow

PROBLEMS = {"score": "spearman", "same": "accuracy", "topics": "micro_f1"}
ANSWERS = {"score": "number", "same": "label", "topics": "label"}


def write_experiment(folder: Path) -> None:
    """The tiny experiment with a score, pairs and several labels, which the words tell."""
    file = write_tiny(folder)
    draw = random.Random(7)
    sentences = [[*sentence(draw, GOOD), str(number)] for number in range(200)]
    scores = [",".join(["text", "score"])]
    pairs, topics = ["one\ttwo\tsame"], []
    for words in sentences:
        text = " ".join(words)
        scores.append(f"{text},{1000 + 100 * ANIMALS.index(words[2]) + draw.random():.3f}")
        other = [word if word not in PLACES else draw.choice(PLACES) for word in words]
        alike = "yes" if other == words else "no"
        pairs.append(f"{text}\t{' '.join(other)} again\t{alike}")
        found = {word for word in words if word in ANIMALS[:3]}
        topics.append(json.dumps({"text": text, "label": sorted(found)}))
    (folder / "scores.csv").write_text("\n".join(scores) + "\n")
    (folder / "pairs.tsv").write_text("\n".join(pairs) + "\n")
    (folder / "topics.jsonl").write_text("\n".join(topics) + "\n")
    values = yaml.safe_load(file.read_text())
    training = {"epochs": 12, "batch_size": 16, "learning_rate": 5e-3, "max_length": 40}
    values["downstream"] = [
        {"name": "score", "problem": "regression", "source": "scores.csv"}
        | {"columns": {"number": "score"}},
        {"name": "same", "problem": "text-classification", "source": "pairs.tsv"}
        | {"columns": {"text": "one", "second_text": "two", "label": "same"}},
        {"name": "topics", "problem": "text-classification", "several_labels": True}
        | {"source": "topics.jsonl"},
    ]
    values["downstream"] = [part | training for part in values["downstream"]]
    values["evaluation"]["from_scratch"] = False
    file.write_text(yaml.safe_dump(values, sort_keys=False))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, prefect_server: str) -> SimpleNamespace:
    """A run of the experiment, and its state folder."""
    folder = tmp_path_factory.mktemp("undisturbed")
    write_experiment(folder / "data")
    result = finish(folder, prefect_server)
    stages = {stage["name"]: stage for stage in result["stages"]}
    return SimpleNamespace(folder=folder, result=result, stages=stages)


def answers_of(world: SimpleNamespace, name: str) -> pd.DataFrame:
    return pd.read_parquet(Path(world.stages[f"evaluation {name}"]["path"]) / "predictions.parquet")


@pytest.mark.parametrize("name", PROBLEMS)
def test_it_is_measured_with_intervals_beside_the_simple_model(undisturbed, name: str) -> None:
    metrics, headline = undisturbed.result["metrics"], f"downstream/{name}/{PROBLEMS[name]}"
    assert metrics[f"{headline}/low"] <= metrics[headline] <= metrics[f"{headline}/high"]
    assert f"downstream/{name}/majority/{PROBLEMS[name]}" in metrics
    assert metrics[f"downstream/{name}/simple/{PROBLEMS[name]}"] > 0.7
    assert metrics["downstream/score/spearman"] > 0.5


@pytest.mark.parametrize("name", PROBLEMS)
def test_predict_answers_as_the_evaluation(undisturbed, name: str, tmp_path: Path) -> None:
    table = answers_of(undisturbed, name)
    inputs = [column for column in ("text", "second_text") if column in table]
    file, out = tmp_path / "rows.csv", tmp_path / "out.csv"
    table[inputs].to_csv(file, index=False)
    model = str(Path(undisturbed.stages[f"finetuning {name}"]["path"]) / "model")
    done = call(
        *("predict", model, str(file), "--output", str(out)),
        environment=os.environ | {"TEMPER_HOME": str(undisturbed.folder / "home")},
    )
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(out.open()))
    for column in inputs:
        assert [row[column] for row in rows] == list(table[column])
    found = [row["predicted"] for row in rows]
    if name == "score":
        assert list(map(float, found)) == pytest.approx(list(table["predicted"]), rel=1e-5)
    else:
        told = ["|".join(each) if name == "topics" else each for each in table["predicted"]]
        assert found == told


@pytest.mark.parametrize("name", PROBLEMS)
def test_mlflow_serves_it_as_it_was_measured(undisturbed, name: str) -> None:
    mlflow.set_tracking_uri(undisturbed.result["mlflow"]["tracking_uri"])
    run = mlflow.MlflowClient().get_run(undisturbed.stages[f"finetuning {name}"]["run_id"])
    model = mlflow.pyfunc.load_model(f"models:/{run.outputs.model_outputs[0].model_id}")
    table = answers_of(undisturbed, name)
    if name == "same":
        asked = table[["text", "second_text"]]
        assert model.metadata.get_input_schema().input_names() == ["text", "second_text"]
    else:
        asked = list(table["text"])
    found = model.predict(asked)
    if name == "topics":
        applying = [sorted(a["label"] for a in row if a["applies"]) for row in found]
        assert applying == list(map(list, table["predicted"]))
    elif name == "score":
        assert list(found["number"]) == pytest.approx(list(table["predicted"]), rel=1e-5)
    else:
        assert list(found["label"]) == list(table["predicted"])


def kill_in_finetuning(folder: Path, number: int, process: Command) -> None:
    """Kill the command once so many fine-tunings have begun, and the last has a checkpoint."""
    until = time.monotonic() + 300
    while time.monotonic() < until:
        begun = list((folder / "home" / "store" / "finetuning").glob("*/"))
        saved = [f for f in begun if list(f.glob("checkpoints/step-*/COMPLETE.json"))]
        complete = [f for f in begun if (f / "manifest.json").is_file()]
        if len(complete) == number - 1 and {*saved} - {*complete}:
            break
        assert process.poll() is None, "it ended before that"
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


@pytest.mark.long
def test_killed_in_each_fine_tuning_it_comes_to_the_same_bits(
    undisturbed, tmp_path: Path, prefect_server: str
) -> None:
    write_experiment(tmp_path / "data")
    words = ("--set", "checkpoints.every_steps=5")
    for number in range(1, len(PROBLEMS) + 1):
        kill_in_finetuning(tmp_path, number, start(tmp_path, prefect_server, *words))
    result = finish(tmp_path, prefect_server, *words)
    assert "resumed from step" in result["printed"]
    assert weights(result) == weights(undisturbed.result)
    assert result["metrics"] == undisturbed.result["metrics"]
