"""Pictures of the Hub: read by `datasets` from a stand-in that answers over HTTP."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import datasets
import numpy as np
import pytest
from PIL import Image

from tasks.contract import StageError
from tasks.experiment.images.problem import LabelledColumns
from tasks.sources.images import pictures, resolve
from tests.conftest import ROOT
from tests.support.hub import Hub, hub_of
from tests.support.tiny_images import KINDS, picture, write_pictures

COMMIT = "0123456789" * 4
NAMES = datasets.ClassLabel(names=list(KINDS))

READ = """
import io, json, sys
from PIL import Image
from tasks.contract import StageError
from tasks.experiment.images.pictures import PictureColumns
from tasks.sources.images import pictures, resolve
try:
    source = resolve(sys.argv[1], "images.source")
    found = [
        [each.name, each.label, each.split, Image.open(io.BytesIO(each.data)).size]
        for each in pictures(source, PictureColumns(), lambda *_: None)
    ]
    print(json.dumps({"found": found, "remarks": source.remarks()}))
except StageError as error:
    print(json.dumps({"error": str(error)}))
"""


def table(count: int, **columns: tuple[Any, list[Any]]) -> datasets.Dataset:
    """Pictures with labels by number, as a data set of the Hub has them; and further columns."""
    draw = random.Random(0)
    drawn = [picture(KINDS[number % 3], draw) for number in range(count)]
    values = {"image": drawn, "label": [number % 3 for number in range(count)]}
    features = {"image": datasets.Image(), "label": NAMES}
    for name, (feature, given) in columns.items():
        values[name], features[name] = given, feature
    return datasets.Dataset.from_dict(values, features=datasets.Features(features))


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Puts tables in the place of the Hub."""

    def put(splits: Mapping[str, datasets.Dataset], commit: str = COMMIT) -> None:
        builder = SimpleNamespace(
            hash=commit, download_and_prepare=lambda: None, as_dataset=lambda: dict(splits)
        )
        monkeypatch.setattr(datasets, "load_dataset_builder", lambda *_, **__: builder)

    return put


def read(**columns: str) -> list[Any]:
    source = resolve(f"hf:owner/name:small@{COMMIT}", "images.source")
    return list(pictures(source, LabelledColumns(**columns), lambda *_: None))


def test_pictures_have_the_names_of_their_labels_and_splits(hub: Any) -> None:
    hub({"train": table(3), "dev": table(1), "extra": table(2)})
    found = read()
    assert [(each.label, each.split) for each in found] == [
        *((kind, "train") for kind in KINDS),
        (KINDS[0], "validation"),
    ]
    assert found[0].name == "hf:owner/name:small, split train, row 1"
    assert found[0].data.startswith(b"\x89PNG")
    source = resolve(f"hf:owner/name:small@{COMMIT}", "images.source")
    assert source.remarks() == ["splits of other names are not read: extra (2 pictures)"]
    assert source.name == "hf:owner/name:small@012345678901"


def test_lists_of_labels_hidden_labels_groups_and_masks_are_read(hub: Any) -> None:
    mask = Image.fromarray(np.eye(20, dtype=np.uint8))
    more = {
        "kinds": (datasets.List(NAMES), [[0, 2], [], [1]]),
        "hidden": (NAMES, [-1, 0, 1]),
        "who": (datasets.Value("string"), ["a", "a", "b"]),
        "drawn": (datasets.Image(), [mask, None, mask]),
    }
    hub({"train": table(3, **more)})
    found = read(label="kinds", group="who", mask="drawn")
    assert [each.label for each in found] == [["bar", "frame"], [], ["disc"]]
    assert [each.group for each in found] == ["a", "a", "b"]
    assert [each.mask is None for each in found] == [False, True, False]
    assert [each.label for each in read(label="hidden")] == [None, "bar", "disc"]


@pytest.mark.parametrize(
    ("splits", "columns", "said"),
    [
        (["train"], {"image": "img"}, "row 1: no column 'img'"),
        (["train"], {"image": "label"}, "row 1: column 'label'.*accepted: a column of images"),
        (["a", "b"], {}, "no training split among a, b; accepted names: .*train"),
    ],
)
def test_what_cannot_be_read_is_an_error(
    hub: Any, splits: list[str], columns: dict[str, str], said: str
) -> None:
    hub({split: table(2) for split in splits})
    with pytest.raises(StageError, match=said):
        read(**columns)


def test_another_commit_in_the_cache_is_not_taken(hub: Any) -> None:
    hub({"train": table(1)}, commit="f" * 40)
    with pytest.raises(StageError, match="has the commit ffffffffffff, not 012345678901"):
        read()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[SimpleNamespace]:
    """A hub with pictures in Parquet files, and with pictures as files."""
    (tmp_path / "shapes" / "data").mkdir(parents=True)
    for split, count in {"train": 6, "test": 3}.items():
        name = f"{split}-00000-of-00001.parquet"
        table(count).to_parquet(str(tmp_path / "shapes" / "data" / name))
    for split in ("train", "test"):
        write_pictures(tmp_path / "files" / split, 3, 1)
    folders = {"team/shapes": tmp_path / "shapes", "team/files": tmp_path / "files"}
    with hub_of({"datasets": folders}, tmp_path / "kept") as hub:
        yield SimpleNamespace(folder=tmp_path, hub=hub)


def found_by(place: SimpleNamespace, location: str, **more: str) -> dict[str, Any]:
    """What a process finds on the hub."""
    hub: Hub = place.hub
    done = subprocess.run(
        [sys.executable, "-c", READ, location],
        env=os.environ | hub.environment | {"PYTHONPATH": str(ROOT)} | more,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


@pytest.mark.slow
def test_pictures_are_read_from_a_hub_and_then_without_it(place: SimpleNamespace) -> None:
    unseen = found_by(place, "hf:team/shapes", HF_HUB_OFFLINE="1")
    assert "this machine has not seen team/shapes" in unseen["error"]
    whole = found_by(place, "hf:team/shapes")
    assert len(whole["found"]) == 9
    assert whole["found"][1] == [
        "hf:team/shapes, split train, row 2",
        "disc",
        "train",
        [20, 20],
    ]
    files = found_by(place, "hf:team/files")
    assert ["hf:team/files, split test, row 1: 000.png", "bar", "test", [20, 20]] in files["found"]
    offline = [found_by(place, f"hf:team/{n}", HF_HUB_OFFLINE="1") for n in ("shapes", "files")]
    assert offline == [whole, files]
