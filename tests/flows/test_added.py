"""Adding a family, an objective, a source or a problem for images is adding its files: all of them
go through the whole chain in a copy of the code, with an added way of explaining.

That no key changes by it is a law of `tests/test_laws.py`; what is added for text has
`tests/problems/test_adding.py`.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.support.added import file_of, sorting
from tests.support.added_chain import Left, offered
from tests.support.added_parts import AddedParts
from tests.support.tiny_experiment import write_experiment
from tests.support.tiny_images import write_image_experiment

ON_IMAGES = ("images/regnet", "images/smoothed", "images/stripes", "alone")


def write_images(folder: Path) -> Path:
    """The tiny experiment on images with what is added in place of what it has."""
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
def test_on_images(tmp_path: Path, prefect_server: str) -> None:
    files = sorting() | {path: text for name in ON_IMAGES for path, text in file_of(name).items()}
    copy, file = AddedParts(tmp_path / "copy", files), write_images(tmp_path / "data")
    home, out = tmp_path / "home", tmp_path / "out.json"
    assert "pretraining" in copy.temper("plan", str(file), home=home)
    results = []
    for changes in ((), ("--set", "downstream.kinds.epochs=1")):
        words = ("run", str(file), *changes, "--output", str(out))
        copy.temper(*words, home=home, server=prefect_server)
        results.append(json.loads(out.read_text()))
    plan = copy.temper("plan", str(file), home=home)
    assert "stages are cached: nothing to compute" in plan
    compared = tmp_path / "compared.json"
    copy.temper("compare", "--last", "2", "--json", str(compared), home=home)
    [difference] = json.loads(compared.read_text())["differences"]
    assert difference["problem"] == "kinds"
    left = Left.of(results[0])
    assert "macro-F1" in left.page()
    assert "## Explanations: kinds" in left.page()
    assert "loss beside smoothed labels, nats" in left.card("pretraining")
    model = left.configuration("finetuning kinds")
    assert model["model_type"] == "regnet"
    assert sorted(model["id2label"].values()) == ["lying", "standing"]
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
