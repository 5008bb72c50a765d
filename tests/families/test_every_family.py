"""Every family goes through the chain: pre-trained, fine-tuned for each problem, loaded again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from transformers import pipeline

from flows.presets.loading import load_experiment
from flows.recipes.experiment import recipe
from tasks import families
from tasks.machinery.naming.title import Title
from tasks.machinery.store.artifact import Artifact
from tasks.machinery.store.store import Store
from tests.support.stages_alone import StagesAlone
from tests.support.tiny_experiment import write_experiment

pytestmark = pytest.mark.slow

Run = Callable[[str], dict[str, Artifact]]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs the tiny experiment with a family, in one store: they share data and tokens."""
    folder = tmp_path_factory.mktemp("families")
    file = write_experiment(folder / "data")
    alone = StagesAlone(Store(folder / "store"))
    settings = ("pretraining.embeddings=cooccurrence",)
    settings += ("pretraining.steps=60", "pretraining.learning_rate=3e-3")
    settings += ("evaluation.from_scratch=false", "evaluation.simple_baseline=false")
    settings += ("model.hidden_size=32", "downstream.mood.epochs=8", "downstream.names.epochs=8")
    settings += ("downstream.mood.learning_rate=5e-3", "downstream.names.learning_rate=5e-3")

    def call(family: str) -> dict[str, Artifact]:
        decodes = "next tokens" in families.load(family).HEADS
        chosen = [f"model.family={family}"]
        # Byte-level bpe has the 256 bytes beside its pieces: its tokens take longer to learn.
        chosen += ["pretraining.objective=clm", "pretraining.steps=180"] if decodes else []
        chosen += [] if decodes else ["pretraining.objective=mlm"]
        found: dict[str, Artifact] = {}

        def stage(what, label="", /, **arguments):
            artifact = alone(what, label, **arguments)
            found[str(Title(what.name, label))] = artifact
            return artifact

        recipe(load_experiment(str(file), [*settings, *chosen]), stage)
        return found

    return call


@pytest.mark.parametrize("family", families.names())
def test_it_learns_and_is_loaded_as_what_it_is(family: str, run: Run) -> None:
    found = run(family)
    metrics = found["pretraining"].metrics
    assert metrics["validation_loss"] < metrics["unigram_loss"]
    for problem, metric in (("mood", "accuracy"), ("names", "f1")):
        measured = found[f"evaluation {problem}"].metrics
        assert measured[metric] > measured[f"majority/{metric}"], problem
    models = {
        title: artifact.path / "model"
        for title, artifact in found.items()
        if title.startswith(("pretraining", "finetuning"))
    }
    for folder in models.values():
        assert json.loads((folder / "config.json").read_text())["model_type"] == family
    tuned = models["finetuning mood"]
    [answer] = pipeline("text-classification", str(tuned))(["the merry cat saw a dog"])
    assert answer["label"] in {"good", "bad"}
    tuned = Path(models["finetuning names"])
    assert pipeline("token-classification", str(tuned))("the merry cat saw Paris") is not None
