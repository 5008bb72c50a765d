"""Forgetting: an encoder that did not change forgets nothing, one that did is measured."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from safetensors.torch import load_file, save_file

from tasks.contract import Silent
from tasks.experiment.model import Model
from tasks.experiment.pretraining import Pretraining
from tasks.pages.generalization import forgetting_card
from tasks.stages.generalization.forgetting import measure_forgetting
from tasks.stages.pretraining import pretrain
from tests.support.shown import shown
from tests.support.small_corpus import documents, encode

LENGTH, SEQUENCES = 24, 32


@pytest.fixture(scope="module", params=["mlm", "mlm+bow", "clm", "rtd"])
def trained(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> SimpleNamespace:
    """A corpus, and a model that has learnt a little of it, with its metrics."""
    folder = tmp_path_factory.mktemp(request.param)
    corpus = encode(folder / "run", documents(120), documents(24))
    out = folder / "out"
    out.mkdir()
    model = Model(
        family={"clm": "gpt2", "rtd": "electra"}.get(request.param, "bert"),
        layers=1,
        hidden_size=32,
        heads=2,
        max_positions=32,
    )
    pretraining = Pretraining(
        objective=request.param,
        steps=200 if request.param == "rtd" else 60,
        batch_size=8,
        sequence_length=LENGTH,
        learning_rate=1e-2,
        precision="fp32",
        validation_sequences=SEQUENCES,
    )
    metrics = pretrain(
        model=model,
        pretraining=pretraining,
        seed=0,
        tokens=corpus / "tokens",
        tokenizer=corpus / "tokenizer",
        out=out,
        monitor=Silent(),
    )
    return SimpleNamespace(
        objective=request.param, corpus=corpus, model=out / "model", metrics=metrics
    )


def run(trained: SimpleNamespace, model: Path, out: Path) -> dict[str, float]:
    out.mkdir()
    return measure_forgetting(
        trained.objective,
        LENGTH,
        SEQUENCES,
        bootstrap_samples=200,
        confidence=0.95,
        seed=0,
        tokens=trained.corpus / "tokens",
        tokenizer=trained.corpus / "tokenizer",
        pretrained=trained.model,
        model=model,
        out=out,
        monitor=Silent(),
    )


def test_an_encoder_that_did_not_change_has_forgotten_nothing(
    trained: SimpleNamespace, tmp_path: Path
) -> None:
    metrics = run(trained, trained.model, tmp_path / "out")
    assert metrics["forgetting/added_loss"] == 0
    found = json.loads((tmp_path / "out" / "finding.json").read_text())
    [said] = found["sentences"]
    assert said.endswith("no forgetting is shown")
    same = metrics["forgetting/before_loss"] == pytest.approx(
        trained.metrics["validation_loss"], rel=1e-5
    )
    # Of rtd the generator is not stored, so other tokens are replaced than in training.
    assert same is not ("its generator is not stored" in found["loss"])
    assert same is (trained.objective != "rtd")


def test_an_encoder_whose_layers_were_erased_has_forgotten(
    trained: SimpleNamespace, tmp_path: Path
) -> None:
    model = shutil.copytree(trained.model, tmp_path / "model")
    weights = load_file(model / "model.safetensors")
    layers = {name for name in weights if ".layer." in name or ".h." in name}
    assert layers
    erased = {name: each * 0 if name in layers else each for name, each in weights.items()}
    save_file(erased, model / "model.safetensors", metadata={"format": "pt"})
    metrics = run(trained, model, tmp_path / "out")
    assert metrics["forgetting/added_loss/low"] > 0
    assert metrics["forgetting/after_loss"] > metrics["forgetting/before_loss"]
    page = shown(forgetting_card.show, tmp_path / "out")
    assert "it has forgotten some of it" in (page / "card.md").read_text()
