"""Generation through the whole chain: run, reported, predicted, served, compared."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
import yaml

from tests.support.command import call
from tests.support.tiny_experiment import ANIMALS, GOOD, PLACES, VERBS, write_texts

pytestmark = pytest.mark.slow

ROWS = 160
SERVE = """
import json, sys
import mlflow, pandas as pd
model = mlflow.pyfunc.load_model(sys.argv[1])
print("#", json.dumps(list(model.predict(json.loads(sys.argv[2]))["continuation"])))
"""


def write_continuations(folder: Path) -> None:
    """Prompts whose continuation depends on the animal."""
    draw = random.Random(5)
    ends = {animal: f"in {place} today" for animal, place in zip(ANIMALS, PLACES, strict=True)}
    with (folder / "next.jsonl").open("w") as out:
        for number in range(ROWS):
            animal, mood = draw.choice(ANIMALS), draw.choice(GOOD)
            prompt = (
                f"the {mood} {animal} {draw.choice(VERBS)} the {draw.choice(GOOD)} one {number}"
            )
            out.write(json.dumps({"prompt": prompt, "target": ends[animal]}) + "\n")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, prefect_server: str) -> SimpleNamespace:
    """A state folder in which an experiment with a decoder has run."""
    folder = tmp_path_factory.mktemp("writing")
    write_texts(folder)
    write_continuations(folder)
    values = {
        "name": "writing",
        "corpus": {"source": "texts", "validation_share": 0.1},
        "tokenizer": {"vocab_size": 300, "algorithm": "bpe"},
        "model": {
            "family": "gpt2",
            "layers": 1,
            "hidden_size": 32,
            "heads": 2,
            "max_positions": 64,
        },
        "pretraining": {
            "objective": "clm",
            "steps": 30,
            "batch_size": 8,
            "sequence_length": 32,
            "validation_sequences": 16,
        },
        "downstream": [
            {
                "name": "next",
                "problem": "generation",
                "source": "next.jsonl",
                "epochs": 6,
                "batch_size": 16,
                "learning_rate": 5e-3,
                "max_length": 60,
            }
        ],
        "evaluation": {"bootstrap_samples": 200},
    }
    file = folder / "writing.yaml"
    file.write_text(yaml.safe_dump(values))
    environment = os.environ | {"TEMPER_HOME": str(folder / "home"), "COLUMNS": "200"}
    environment["PREFECT_API_URL"] = prefect_server
    environment.pop("MLFLOW_TRACKING_URI", None)
    found = SimpleNamespace(folder=folder, file=file, environment=environment)
    found.printed = temper(found, "run", str(file), "--output", str(folder / "out.json"))
    found.result = json.loads((folder / "out.json").read_text())
    return found


def temper(place: SimpleNamespace, *words: str) -> str:
    done = call(*words, environment=place.environment, folder=place.folder)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def stage(place: SimpleNamespace, name: str) -> dict[str, str]:
    return next(each for each in place.result["stages"] if each["name"] == name)


def test_it_is_measured_reported_and_cached(place: SimpleNamespace) -> None:
    metrics = place.result["metrics"]
    found = metrics["downstream/next/bits_per_byte"]
    assert found < metrics["downstream/next/majority/bits_per_byte"]
    gain = metrics["downstream/next/gain"]
    scratch = metrics["downstream/next/from_scratch/bits_per_byte"]
    assert gain == pytest.approx(scratch - found)
    page = (Path(stage(place, "report")["pages"]) / "report.md").read_text()
    assert "bits per byte of the target" in page
    card = (Path(stage(place, "evaluation next")["pages"]) / "card.md").read_text()
    assert "## Samples" in card
    assert "n-grams of bytes" in card
    assert "nothing to compute" in temper(place, "plan", str(place.file))


def test_it_predicts_and_is_served_as_it_was_evaluated(place: SimpleNamespace) -> None:
    folder = Path(stage(place, "evaluation next")["path"])
    table = pd.read_parquet(folder / "predictions.parquet")
    wanted = [each["text"] for each in table["predicted"]]
    rows = place.folder / "asked.jsonl"
    rows.write_text("".join(json.dumps({"prompt": p}) + "\n" for p in table["prompt"]))
    model = stage(place, "finetuning next")["model"]
    answers = [json.loads(line) for line in temper(place, "predict", model, str(rows)).splitlines()]
    assert [answer["predicted"] for answer in answers] == wanted
    tracking = f"sqlite:///{place.folder / 'home' / 'mlflow.db'}"
    done = subprocess.run(
        [sys.executable, "-c", SERVE, model, json.dumps(list(table["prompt"][:5]))],
        env=place.environment | {"MLFLOW_TRACKING_URI": tracking},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout.rpartition("#")[2]) == wanted[:5]


@pytest.mark.long
def test_runs_of_it_are_compared(place: SimpleNamespace) -> None:
    temper(place, "run", str(place.file), "--set", "downstream.next.epochs=1")
    file = place.folder / "compared.json"
    printed = temper(place, "compare", "--json", str(file))
    assert "bits per byte of the target" in " ".join(printed.split())
    [difference] = json.loads(file.read_text())["differences"]
    assert difference["metric"] == "bits per byte of the target"
    assert difference["sign"] == -1
