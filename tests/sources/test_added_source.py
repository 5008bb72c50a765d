"""A kind of source is one file: added to a copy of the code, it is planned, read and trained on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.added import file_of
from tests.support.added_parts import AddedParts
from tests.support.tiny_experiment import write_experiment

KEYS = """
import json, sys
from pathlib import Path
from flows.presets.loading import load_experiment
from flows.recipes.experiment import recipe
from tasks.machinery.execution.planner import Planner
from tasks.machinery.store.store import Store

planner = Planner(Store(Path("no store")))
recipe(load_experiment(sys.argv[1], sys.argv[2:]), planner)
print(json.dumps({str(step.title): step.fingerprint for step in planner.steps}))
"""

PRETRAINED = """
import json, sys
from pathlib import Path
from flows.presets.loading import load_experiment
from flows.recipes.parts import pretraining_recipe
from tasks.contract import Silent
from tasks.experiment.jobs import PretrainJob
from tasks.machinery.store.call import key_of, paths_of
from tasks.machinery.store.fingerprint import digest
from tasks.machinery.store.store import Store

store, metrics = Store(Path(sys.argv[2])), {}


def run(stage, label="", /, **arguments):
    key = key_of(stage, arguments)
    with store.locked(stage.name, digest(key)) as folder:
        monitor = Silent(folder / "checkpoints")
        out = store.begin(folder)
        metrics[stage.name] = stage.load()(**paths_of(arguments), out=out, monitor=monitor)
        store.complete(folder, key, metrics[stage.name], {}, 1.0, reads={})
    return store.load(stage.name, digest(key))


experiment = load_experiment(sys.argv[1], sys.argv[3:]).model_copy(update={"downstream": []})
pretraining_recipe(PretrainJob.of(experiment), run)
print(json.dumps(metrics))
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = write_experiment(tmp_path_factory.mktemp("added") / "data")
    texts = sorted((file.parent / "texts").glob("*.txt"))
    lines = [" ".join(text.read_text().split()) for text in texts]
    (file.parent / "texts.list").write_text("\n".join(lines) + "\n")
    return file


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> AddedParts:
    return AddedParts(tmp_path_factory.mktemp("with") / "it", file_of("listed"))


def listed(file: Path) -> str:
    return f"corpus.source={file.parent}/texts.list"


@pytest.mark.slow
def test_it_is_read_and_trained_on(copy: AddedParts, file: Path, tmp_path: Path) -> None:
    printed = copy.code(PRETRAINED, str(file), str(tmp_path / "store"), listed(file))
    metrics = json.loads(printed.splitlines()[-1])
    assert metrics["corpus"]["documents"] == 60
    assert metrics["pretraining"]["steps"] == 12


def test_it_is_planned_and_refused_where_rows_are_needed(copy: AddedParts, file: Path) -> None:
    planned = copy.code(KEYS, str(file), listed(file))
    assert "pretraining" in json.loads(planned)
    rows = listed(file).replace("corpus", "downstream.mood")
    done = copy.python("-c", KEYS, str(file), rows)
    assert "texts.list contains text without labels, but this field needs rows for" in done.stderr
