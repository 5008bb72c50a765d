"""How the columns were called that a model learnt from is known from its lineage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flows.presets.loading import load_experiment
from flows.recipes.experiment import recipe
from tasks.contract import Stage
from tasks.machinery.execution.planner import PendingArtifact, pending
from tasks.machinery.naming.title import Title
from tasks.machinery.store.artifact import Artifact, Input
from tasks.machinery.store.call import inputs_of, key_of
from tasks.machinery.store.fingerprint import digest
from tasks.machinery.store.store import Store
from tasks.references.read_columns import columns_read
from tests.support.tiny_experiment import write_experiment


class Kept(Store):
    """Walks a recipe without computing it, and keeps its artifacts in memory, by their titles."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.titled: dict[str, Artifact] = {}

    def __call__(self, stage: Stage, label: str = "", /, **arguments: Any) -> PendingArtifact:
        title, key = str(Title(stage.name, label)), key_of(stage, arguments)
        reads = {name: given.artifact.name for name, given in inputs_of(arguments).items()}
        steady = {"fingerprint": digest(title), "folder": self.root / title, "reads": reads}
        found = self.titled[title] = pending(stage.name, title, key).model_copy(update=steady)
        return found

    def named(self, name: str) -> Artifact | None:
        return next((each for each in self.titled.values() if each.name == name), None)

    def model(self, title: str) -> Input:
        return self.titled[title] / "model"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    folder = tmp_path_factory.mktemp("columns")
    file = write_experiment(folder)
    moods = folder / "moods.csv"
    moods.write_text(moods.read_text().replace("text,label", "body,mood", 1))
    found = Kept(folder / "store")
    names = "downstream.mood.columns={text: body, label: mood}"
    recipe(load_experiment(str(file), [names]), found)
    return found


def test_a_model_has_the_columns_of_the_rows_that_it_was_fine_tuned_on(store: Kept) -> None:
    found = columns_read(store.model("finetuning mood"), store)
    assert (found["text"], found["label"]) == ("body", "mood")
    assert columns_read(store.model("finetuning names"), store)["tokens"] == "tokens"


def test_a_pretrained_model_has_that_of_its_corpus(store: Kept) -> None:
    assert columns_read(store.model("pretraining"), store) == {"text": "text"}


def test_nothing_is_known_without_the_data(store: Kept) -> None:
    gone = Kept(store.root)
    assert columns_read(store.model("finetuning mood"), gone) == {}
