"""Adding a family, an objective, a source, a way of tuning or explaining, or a problem for images
is adding its files: all of them go through the whole chain in a copy of the code.

That no key changes by it is a law of `tests/test_laws.py`; a problem for text has
`tests/problems/test_adding.py`.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from tests.support.added import file_of, sorting
from tests.support.added_parts import AddedParts
from tests.support.tiny_experiment import write_experiment
from tests.support.tiny_images import write_image_experiment

ON_TEXT = ("camembert", "ends", "listed", "norms", "alone")
ON_IMAGES = ("images/regnet", "images/smoothed", "images/stripes", "alone")
EXPLAINED = {"explain": ["alone"], "explained_rows": 10}
FORM = """
import sys
from flows.serving.deployments import deployments

form = next(each for each in deployments() if each.flow_name == sys.argv[1])
print(form._parameter_openapi_schema.model_dump_json())
"""


def write_text(folder: Path) -> Path:
    """The tiny experiment with what is added in place of what it has."""
    file = write_experiment(folder)
    texts = sorted((folder / "texts").glob("*.txt"))
    lines = [" ".join(text.read_text().split()) for text in texts]
    (folder / "texts.list").write_text("\n".join(lines) + "\n")
    values = yaml.safe_load(file.read_text())
    values["corpus"]["source"] = "texts.list"
    values["model"]["family"] = "camembert"
    values["pretraining"]["objective"] = "ends"
    values["downstream"] = values["downstream"][:1]
    values["downstream"][0]["tuning"] = {"method": "norms", "learning_rate": 0.01}
    values["evaluation"] |= EXPLAINED
    file.write_text(yaml.safe_dump(values, sort_keys=False))
    return file


def write_images(folder: Path) -> Path:
    """The tiny experiment on images with what is added in place of what it has."""
    file = write_image_experiment(folder)
    values = yaml.safe_load(file.read_text())
    values["images"]["source"] = values["downstream"][0]["source"] = "builtin:stripes"
    values["model"]["family"] = "regnet"
    values["pretraining"]["objective"] = "smoothed"
    values["downstream"][0]["problem"] = "sorting"
    values["evaluation"] |= EXPLAINED
    file.write_text(yaml.safe_dump(values, sort_keys=False))
    return file


def go_through(copy: AddedParts, file: Path, problem: str, prefect: str) -> SimpleNamespace:
    """Plan, run, plan again, run with another number, and compare; what was found of it."""
    home, out = file.parent / "home", file.parent / "out.json"
    assert "pretraining" in copy.temper("plan", str(file), home=home)
    results = []
    for changes in ((), ("--set", f"downstream.{problem}.epochs=1")):
        words = ("run", str(file), *changes, "--output", str(out))
        copy.temper(*words, home=home, server=prefect)
        results.append(json.loads(out.read_text()))
    plan = copy.temper("plan", str(file), home=home)
    assert "stages are cached: nothing to compute" in plan
    compared = file.parent / "compared.json"
    copy.temper("compare", "--last", "2", "--json", str(compared), home=home)
    [difference] = json.loads(compared.read_text())["differences"]
    assert difference["problem"] == problem
    stages = {stage["name"]: Path(stage["path"]) for stage in results[0]["stages"]}
    model = next(stages[f"finetuning {problem}"].rglob("model/config.json"))
    return SimpleNamespace(
        page=next(stages["report"].rglob("report.md")).read_text(),
        card=next(stages["pretraining"].parent.rglob("card.md")).read_text(),
        model=json.loads(model.read_text()),
        manifests=[
            json.loads((path.parent / "manifest.json").read_text())
            for title, path in stages.items()
            if title.startswith("finetuning")
        ],
    )


def offered(copy: AddedParts, flow: str) -> set[str]:
    """Everything that a form offers for any field."""
    definitions: dict[str, Any] = json.loads(copy.code(FORM, flow))["definitions"]
    fields = [field for part in definitions.values() for field in part["properties"].values()]
    return {
        str(choice)
        for field in fields
        for choice in (*field.get("enum", []), *field.get("items", {}).get("enum", []))
    }


@pytest.mark.slow
def test_on_text(tmp_path: Path, prefect_server: str) -> None:
    files = {path: text for name in ON_TEXT for path, text in file_of(name).items()}
    copy = AddedParts(tmp_path / "copy", files)
    found = go_through(copy, write_text(tmp_path / "data"), "mood", prefect_server)
    assert "last tokens predicted" in found.page
    assert "## Explanations: mood" in found.page
    assert "loss of the last tokens, nats a token" in found.card
    assert found.model["architectures"] == ["CamembertForSequenceClassification"]
    shares = [manifest["metrics"]["trained_share"] for manifest in found.manifests]
    assert min(shares) < 0.2, "the norms and the head"
    assert shares.count(1.0) == 1, "from scratch"
    assert offered(copy, "experiment") >= {"camembert", "ends", "norms", "alone"}


@pytest.mark.slow
def test_on_images(tmp_path: Path, prefect_server: str) -> None:
    files = sorting() | {path: text for name in ON_IMAGES for path, text in file_of(name).items()}
    copy = AddedParts(tmp_path / "copy", files)
    found = go_through(copy, write_images(tmp_path / "data"), "kinds", prefect_server)
    assert "macro-F1" in found.page
    assert "## Explanations: kinds" in found.page
    assert "loss beside smoothed labels, nats" in found.card
    assert found.model["model_type"] == "regnet"
    assert sorted(found.model["id2label"].values()) == ["lying", "standing"]
    assert offered(copy, "images") >= {"regnet", "smoothed", "sorting", "alone"}


def test_a_source_without_labels_is_refused_where_rows_are_needed(tmp_path: Path) -> None:
    copy = AddedParts(tmp_path / "copy", file_of("listed"))
    file = write_experiment(tmp_path / "data")
    (file.parent / "texts.list").write_text("a text\n")
    values = yaml.safe_load(file.read_text())
    values["downstream"][0]["source"] = "texts.list"
    file.write_text(yaml.safe_dump(values, sort_keys=False))
    done = copy.python("-c", "from flows.commands.main import main; main()", "plan", str(file))
    assert "texts.list contains text without labels, but this field needs rows for" in done.stderr
