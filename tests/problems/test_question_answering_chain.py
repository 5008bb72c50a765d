"""Question answering through the whole chain: by a decoder and by an encoder, twice the same."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import yaml

from flows.presets.loading import load_experiment
from flows.recipes.experiment import recipe
from tasks.machinery.naming.title import Title
from tasks.machinery.store.artifact import Artifact
from tasks.machinery.store.store import Store
from tests.support.stages_alone import StagesAlone
from tests.support.tiny_experiment import ANIMALS, GOOD, PLACES, sentence
from tests.support.tiny_experiment import write_experiment as write_tiny

pytestmark = pytest.mark.slow

Run = Callable[..., dict[str, Artifact]]


def write_experiment(folder: Path) -> Path:
    """The tiny experiment with questions on its sentences: where, or which animal comes last."""
    file = write_tiny(folder)
    draw = random.Random(9)
    articles = []
    for number in range(120):
        words = [*sentence(draw, GOOD), f"number {number}"]
        context = " ".join(words)
        place = next(word for word in words if word in PLACES)
        animal = [word for word in words if word in ANIMALS][-1]
        asked = [("in which place", place, context.rindex(place))]
        asked.append(("which animal was it", animal, context.rindex(animal)))
        qas = [
            {
                "id": f"{number}-{question}",
                "question": question,
                "answers": [{"text": answer, "answer_start": start}],
            }
            for question, answer, start in asked
        ]
        paragraphs = [{"context": context, "qas": qas}]
        articles.append({"title": f"Page {number}", "paragraphs": paragraphs})
    (folder / "squad.json").write_text(json.dumps({"version": "1.1", "data": articles}))
    values = yaml.safe_load(file.read_text())
    values["model"] |= {"hidden_size": 32}
    values["tokenizer"] |= {"algorithm": "wordpiece", "lowercase": True}  # few tokens a word
    values["downstream"] = [
        {"name": "answers", "problem": "question-answering", "source": "squad.json"}
        | {"epochs": 12, "batch_size": 16, "learning_rate": 5e-3}
        | {"max_length": 24, "stride": 8}
    ]
    file.write_text(yaml.safe_dump(values, sort_keys=False))
    return file


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs the experiment with some settings, in a store."""
    file = write_experiment(tmp_path_factory.mktemp("questions") / "data")

    def call(store: Path, *settings: str) -> dict[str, Artifact]:
        alone = StagesAlone(Store(store))
        found: dict[str, Artifact] = {}

        def stage(what, label="", /, **arguments):
            artifact = alone(what, label, **arguments)
            found[str(Title(what.name, label))] = artifact
            return artifact

        found["report"] = recipe(load_experiment(str(file), list(settings)), stage)
        return found

    return call


@pytest.mark.parametrize(
    ("family", "objective"),
    [
        ("bert", "mlm"),
        pytest.param("modernbert", "mlm", marks=pytest.mark.long),
        pytest.param("gpt2", "clm", marks=pytest.mark.long),
        ("llama", "clm"),
    ],
)
def test_it_goes_through_the_whole_chain_with_an_encoder_and_a_decoder(
    family: str, objective: str, run: Run, tmp_path: Path
) -> None:
    settings = (f"model.family={family}", f"pretraining.objective={objective}")
    found = run(tmp_path / "store", *settings)
    metrics = found["evaluation answers"].metrics
    assert metrics["f1"] > metrics["majority/f1"]
    assert {"gain", "over_simple", "exact_match", "from_scratch/f1"} <= metrics.keys()
    table = pd.read_parquet(found["evaluation answers"].path / "predictions.parquet")
    assert "" not in set(table["predicted"]), "every question of the training has an answer"
    for row in table.itertuples():
        assert row.text[row.start :].startswith(row.predicted)
    config = json.loads((found["finetuning answers"].path / "model" / "config.json").read_text())
    assert config["model_type"] == family
    assert config["architectures"][0].endswith("ForQuestionAnswering")
    page = next(found["report"].path.parent.rglob("report.md")).read_text()
    assert "F1 of words" in page


def test_the_same_experiment_gives_the_same_numbers_and_the_stride_changes_the_tuning_alone(
    run: Run, tmp_path: Path
) -> None:
    first, again = (run(tmp_path / name) for name in ("one", "two"))
    title = "evaluation answers"
    assert first[title].metrics == again[title].metrics
    other = run(tmp_path / "one", "downstream.answers.stride=2")
    same = {name for name, artifact in first.items() if other[name].name == artifact.name}
    assert first.keys() - same == {
        *("finetuning answers", "finetuning answers from scratch"),
        *(title, "report"),
    }
