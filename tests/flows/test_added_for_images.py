"""Adding a family, an objective, a source, a problem for images, or a way of explaining is adding
its files: all of them go through the whole chain in a copy of the code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.support.added import file_of, sorting
from tests.support.added_parts import AddedParts
from tests.support.tiny_images import write_image_experiment

ADDED = ("images/regnet", "images/smoothed", "images/stripes", "alone")
FORM = """
from flows.serving.deployments import deployments

form = next(each for each in deployments() if each.flow_name == "images")
print(form._parameter_openapi_schema.model_dump_json())
"""


def write_experiment(folder: Path) -> Path:
    """The tiny experiment with what was added in place of what it has."""
    file = write_image_experiment(folder)
    values = yaml.safe_load(file.read_text())
    values["images"]["source"] = values["downstream"][0]["source"] = "builtin:stripes"
    values["model"]["family"] = "regnet"
    values["pretraining"]["objective"] = "smoothed"
    values["downstream"][0]["problem"] = "sorting"
    values["evaluation"] |= {"explain": ["alone"], "explained_rows": 10}
    file.write_text(yaml.safe_dump(values, sort_keys=False))
    return file


@pytest.mark.slow
def test_they_are_planned_trained_evaluated_explained_reported_compared_and_offered(
    tmp_path: Path, prefect_server: str
) -> None:
    files = sorting() | {path: text for name in ADDED for path, text in file_of(name).items()}
    copy, home = AddedParts(tmp_path / "copy", files), tmp_path / "home"
    experiment, out = str(write_experiment(tmp_path / "data")), tmp_path / "out.json"
    assert "pretraining" in copy.temper("plan", experiment, home=home)
    for changes in ((), ("--set", "downstream.kinds.epochs=1")):
        words = ("run", experiment, *changes, "--output", str(out))
        copy.temper(*words, home=home, server=prefect_server)
    stages = {stage["name"]: Path(stage["path"]) for stage in json.loads(out.read_text())["stages"]}
    page = next(stages["report"].rglob("report.md")).read_text()
    assert "macro-F1" in page
    assert "## Explanations: kinds" in page
    assert "alone " in page
    card = next(stages["pretraining"].parent.rglob("card.md")).read_text()
    assert "loss beside smoothed labels, nats" in card
    model = json.loads(next(stages["finetuning kinds"].rglob("model/config.json")).read_text())
    assert model["model_type"] == "regnet"
    assert sorted(model["id2label"].values()) == ["lying", "standing"]
    plan = copy.temper("plan", experiment, home=home)
    assert "stages are cached: nothing to compute" in plan
    compared = tmp_path / "compared.json"
    copy.temper("compare", "--last", "2", "--json", str(compared), home=home)
    [difference] = json.loads(compared.read_text())["differences"]
    assert difference["problem"] == "kinds"
    form = copy.code(FORM)
    for name in ("regnet", "smoothed", "sorting", "alone"):
        assert f'"{name}"' in form
