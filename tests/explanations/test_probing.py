"""Probes of layers: where nothing can be told they guess, and where the answer is they find it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tasks.contract import Silent
from tasks.experiment.problem import FineTuning
from tasks.pages.explanations import probing_card
from tasks.stages.finetuning import finetune
from tasks.stages.probing import probe
from tests.support.tiny_models import write_body, write_data

pytestmark = pytest.mark.slow


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


def test_the_first_place_knows_nothing_before_the_layer_and_all_behind_it(probed: Path) -> None:
    curves = json.loads((probed / "probing.json").read_text())["curves"]
    trained, random = curves["pretrained"]["first"], curves["random_weights"]["first"]
    assert trained[0]["value"] < 0.6  # [CLS] is the same in each row
    assert random[0]["value"] < 0.6
    assert trained[1]["value"] > 0.95
    assert trained[1]["low"] > random[1]["high"]


def test_the_page_names_the_layer(probed: Path, tmp_path: Path) -> None:
    probing_card.show(probed, tmp_path)
    assert (tmp_path / "layers.png").stat().st_size > 10_000
    text = (tmp_path / "card.md").read_text()
    assert "the answer best" in text
    assert "| embeddings |" in text
