"""Probes of layers: where nothing can be told they guess, and where the answer is they find it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tasks.contract import Silent
from tasks.experiment.problem import FineTuning
from tasks.families import images as families
from tasks.models.learning.layer_probes import features_of
from tasks.models.learning.probed import load_probed, read_body
from tasks.pages.explanations import probing_card
from tasks.problems import load
from tasks.stages.finetuning import finetune
from tasks.stages.probing import probe, sentence
from tests.support.tiny_models import write_body, write_data
from tests.support.tiny_pixels import write_image_body, write_pixels


@pytest.fixture(scope="module")
def probed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The probes of a body that was fine-tuned on the very problem."""
    folder = tmp_path_factory.mktemp("probed")
    data = write_data(folder / "data", "text-classification", 200)
    for name in ("tuned", "out"):
        (folder / name).mkdir()
    finetune(
        "text-classification",
        FineTuning(epochs=10, batch_size=16, learning_rate=5e-3, max_length=32, precision="fp32"),
        0,
        data=data,
        body=None,
        architecture=write_body(folder / "body"),
        out=folder / "tuned",
        monitor=Silent(),
    )
    monitor = Silent()
    metrics = probe(
        "text-classification",
        32,
        100,
        0.95,
        0,
        data=data,
        body=folder / "tuned" / "model",
        out=folder / "out",
        monitor=monitor,
    )
    assert [step for step, _ in monitor.logged] == [0, 1]
    assert metrics["probe/accuracy"] > 0.95
    assert {"best_layer", "random_weights/accuracy", "probe_gain/low"} <= {*metrics}
    return folder / "out"


@pytest.mark.slow
def test_the_first_place_knows_nothing_before_the_layer_and_all_behind_it(probed: Path) -> None:
    curves = json.loads((probed / "finding.json").read_text())["curves"]
    trained, random = curves["pretrained"]["first"], curves["random_weights"]["first"]
    assert trained[0]["value"] < 0.6  # [CLS] is the same in each row
    assert random[0]["value"] < 0.6
    assert trained[1]["value"] > 0.95
    assert trained[1]["low"] > random[1]["high"]


@pytest.mark.slow
def test_the_page_names_the_layer(probed: Path, tmp_path: Path) -> None:
    probing_card.show(probed, tmp_path)
    assert (tmp_path / "layers.png").stat().st_size > 10_000
    text = (tmp_path / "card.md").read_text()
    assert "the best on the validation rows" in text
    assert "**Of 1 layers, " in text
    assert "| embeddings |" in text


@pytest.mark.parametrize("family", families.names())
def test_each_layer_of_each_family_of_pictures_is_read(family: str, tmp_path: Path) -> None:
    kind, probed = load("image-classification"), load_probed("image-classification")
    data, body = write_pixels(tmp_path / "data", train=8), write_image_body(tmp_path / "b", family)
    labels = json.loads((data / "labels.json").read_text())
    model, reader = read_body(probed, kind, body, labels, 0, 0, weights=True)
    rows = kind.complete(pd.read_parquet(data / "train.parquet"), data, "train")
    found = features_of(kind, probed, model, kind.encode(rows, reader, labels), lambda _: None)
    assert set(found) == ({"mean", "first"} if family == "vit" else {"mean"})
    for layers in found.values():
        assert len(layers) >= 3
        assert all(each.shape[0] == 8 and np.isfinite(each).all() for each in layers)


@pytest.mark.slow
def test_a_body_of_pictures_without_a_place_of_its_own_is_probed(tmp_path: Path) -> None:
    data, body = write_pixels(tmp_path / "data", train=30), write_image_body(tmp_path / "b", "swin")
    for name in ("out", "show"):
        (tmp_path / name).mkdir()
    metrics = probe(
        "image-classification",
        0,
        100,
        0.95,
        0,
        data=data,
        body=body,
        out=tmp_path / "out",
        monitor=Silent(),
    )
    assert 0 <= metrics["probe/accuracy/low"] <= metrics["probe/accuracy"] <= 1
    probing_card.show(tmp_path / "out", tmp_path / "show")
    assert "weights, one place" not in (tmp_path / "show" / "card.md").read_text()


def test_rows_of_one_label_are_answered_with_it() -> None:
    features = np.ones((3, 2), dtype=np.float32)
    answer = load_probed("text-classification").answer
    assert answer(features, ["a"] * 3, features[:2], features[:0]) == [["a", "a"], []]


def test_of_few_test_documents_no_verdict_is_given() -> None:
    ends = {"probe_gain": 0.5, "probe_gain/low": 0.4, "probe_gain/high": 0.6}
    found = {"metrics": {"best_layer": 1.0} | ends, "unit": "share"}
    found |= {"curves": {"pretrained": {"mean": [{}, {}]}}}
    assert "cannot be said of 2 test documents" in sentence(found | {"documents": 2})
    assert "put the answer there: +50.0 points" in sentence(found | {"documents": 10})
