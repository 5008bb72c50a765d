"""The Hub over HTTP, against a stand-in: online, from the caches, offline, and when it moves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from tests.conftest import ROOT
from tests.support.hub import Hub, hub_of
from tests.support.tiny_models import write_body

READ = """
import json, sys
from pathlib import Path
from tasks.contract import StageError
from tasks.data.rows import Column, Columns
from tasks.machinery.store.store import Store
from tasks.references.resolving import resolve_model
from tasks.sources import resolve

found = {}
try:
    source = resolve("hf:team/moods", "downstream.mood.source")
    found["data"] = list(source.identity.values())[0]
    columns = Columns((Column("text", "x"), Column("label", "y")), "id")
    found["rows"] = [
        [row.split, row.values["text"], row.values["label"]]
        for row in source.rows(columns, lambda *_: None)
    ]
except StageError as error:
    found["of_data"] = str(error)
try:
    model = resolve_model(sys.argv[2], "start", None, Store(Path(sys.argv[1]) / "store"))
    found["model"], found["files"] = model.digest, sorted(model.files)
except StageError as error:
    found["of_model"] = str(error)
print(json.dumps(found))
"""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[SimpleNamespace]:
    """A hub with a data set and a model, and a folder for what its clients keep."""
    data = tmp_path / "moods"
    data.mkdir()
    write_rows(data, "train", 40)
    write_rows(data, "test", 20)
    model = write_body(tmp_path / "tiny", "bert-mlm")
    folders = {"datasets": {"team/moods": data}, "models": {"team/tiny": model}}
    with hub_of(folders, tmp_path / "kept") as hub:
        yield SimpleNamespace(folder=tmp_path, hub=hub, data=data, model=model)


def write_rows(folder: Path, split: str, rows: int) -> None:
    moods = ["good", "bad"]
    words = ["lovely", "gloomy"]
    lines = [f"a {words[n % 2]} {split} day {n},{moods[n % 2]}" for n in range(rows)]
    (folder / f"{split}.csv").write_text("text,label\n" + "\n".join(lines) + "\n")


def environment(place: SimpleNamespace, **more: str) -> dict[str, str]:
    hub: Hub = place.hub
    found = os.environ | hub.environment | {"PYTHONPATH": str(ROOT)}
    return found | {"TEMPER_HOME": str(place.folder / "home")} | more


def read(place: SimpleNamespace, model: str = "hf:team/tiny", **more: str) -> dict[str, object]:
    """What a process finds on the hub; it has to end, however the hub answers."""
    done = subprocess.run(
        [sys.executable, "-c", READ, str(place.folder), model],
        env=environment(place, **more),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.slow
def test_data_and_models_are_read_and_kept_for_a_time_without_the_hub(
    place: SimpleNamespace,
) -> None:
    unseen = read(place, HF_HUB_OFFLINE="1")
    assert "HF_HUB_OFFLINE is set, and this machine has not seen team/moods" in unseen["of_data"]
    assert "this machine has not seen team/tiny yet" in unseen["of_model"]

    online = read(place)
    assert len(online["rows"]) == 60
    assert online["rows"][0] == ["train", "a lovely train day 0", "good"]
    assert {"config.json", "model.safetensors"} <= set(online["files"])

    offline = read(place, HF_HUB_OFFLINE="1")
    assert (offline["data"], offline["model"]) == (online["data"], online["model"])
    assert "streamed from the Hub" in offline["of_data"]  # rows are kept by the stage that reads

    commit = place.hub.repositories["models", "team/tiny"].commit()
    place.hub.server.shutdown()
    place.hub.server.server_close()
    gone = read(place)
    assert "the Hugging Face Hub is unreachable for hf:team/moods" in gone["of_data"]
    assert f"HF_HUB_OFFLINE=1 takes the commit seen last, {commit[:12]}" in gone["of_model"]
    fixed = read(place, f"hf:team/tiny@{commit}")
    assert fixed["model"] == online["model"]
    other = read(place, f"hf:team/tiny@{'0' * 40}")
    assert "is not in the Hub's cache on this machine" in other["of_model"]


@pytest.mark.long
@pytest.mark.slow
def test_an_experiment_on_the_hub_runs_once_and_again_where_a_revision_moves(
    place: SimpleNamespace, prefect_server: str
) -> None:
    training = {"epochs": 1, "batch_size": 16, "max_length": 32}
    mood = {"name": "mood", "problem": "text-classification", "source": "hf:team/moods", **training}
    values = {
        "name": "hub",
        "start": "hf:team/tiny",
        "pretraining": {"steps": 0},
        "downstream": [mood],
        "evaluation": {"from_scratch": False, "simple_baseline": False, "bootstrap_samples": 100},
    }
    file = place.folder / "hub.yaml"
    file.write_text(yaml.safe_dump(values))

    def temper(*words: str, **more: str) -> str:
        variables = environment(place, PREFECT_API_URL=prefect_server, COLUMNS="200", **more)
        variables.pop("MLFLOW_TRACKING_URI", None)
        done = subprocess.run(
            [sys.executable, "-m", "flows.commands.main", *words],
            cwd=place.folder,
            env=variables,
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        return done.stdout

    temper("run", str(file))
    assert "nothing to compute" in temper("plan", str(file))
    assert "nothing to compute" in temper("plan", str(file), HF_HUB_OFFLINE="1")

    write_rows(place.data, "test", 30)
    assert "nothing to compute" in temper("plan", str(file), HF_HUB_OFFLINE="1")  # not seen yet
    assert "nothing to compute" not in temper("plan", str(file))
