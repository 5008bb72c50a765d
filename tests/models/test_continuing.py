"""Training that continues from a given model begins with all of its weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import BertForMaskedLM, BertModel

from tasks import objectives
from tasks.contract import StageError
from tasks.models.bodies import load_all
from tasks.models.continuing import given_configuration
from tests.support.tiny_models import write_body


def continued(folder: Path, dropout: float, entries: int, seed: int) -> tuple[Any, list[str]]:
    """A model with the weights in a folder, and the names of those that it lacks."""
    config = given_configuration(folder, dropout, entries)
    model = objectives.load("mlm").new_model(config, seed)
    return model, load_all(model, folder)


def vocabulary(folder: Path) -> int:
    return int(BertForMaskedLM.from_pretrained(folder).config.vocab_size)


def test_the_whole_model_is_given_also_what_is_tied(tmp_path: Path) -> None:
    body = write_body(tmp_path / "body")
    model, new = continued(body, 0.3, vocabulary(body), seed=5)
    assert new == []
    given = BertForMaskedLM.from_pretrained(body).state_dict()
    assert all(torch.equal(tensor, given[name]) for name, tensor in model.state_dict().items())
    assert model.config.hidden_dropout_prob == 0.3
    output, embeddings = model.get_output_embeddings(), model.get_input_embeddings()
    assert output.weight is embeddings.weight


def test_weights_of_early_published_models_have_other_names(tmp_path: Path) -> None:
    body = write_body(tmp_path / "body")
    file = body / "model.safetensors"
    early = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
            "LayerNorm.bias", "LayerNorm.beta"
        ): tensor
        for name, tensor in load_file(file).items()
    }
    assert any(name.startswith("cls.") and name.endswith("gamma") for name in early)
    save_file(early, file, {"format": "pt"})
    model, new = continued(body, 0.0, vocabulary(body), seed=5)
    assert new == []
    norm = model.cls.predictions.transform.LayerNorm.weight
    assert torch.equal(norm, early["cls.predictions.transform.LayerNorm.gamma"])


def test_a_head_that_the_folder_lacks_is_random_and_named(tmp_path: Path) -> None:
    body = write_body(tmp_path / "body")
    BertModel.from_pretrained(body).save_pretrained(tmp_path / "encoder")
    models = [
        continued(tmp_path / "encoder", 0.0, vocabulary(body), seed=seed) for seed in (1, 1, 2)
    ]
    assert models[0][1] == [
        "cls.predictions.bias",
        "cls.predictions.decoder.bias",
        "cls.predictions.transform.LayerNorm.bias",
        "cls.predictions.transform.LayerNorm.weight",
        "cls.predictions.transform.dense.bias",
        "cls.predictions.transform.dense.weight",
    ]
    first, same, other = (m.cls.predictions.transform.dense.weight for m, _ in models)
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


def test_a_tokenizer_with_more_entries_than_the_model_is_refused(tmp_path: Path) -> None:
    body = write_body(tmp_path / "body")
    size = vocabulary(body)
    with pytest.raises(StageError, match=f"the tokenizer has {size + 1:,} entries"):
        continued(body, 0.0, size + 1, seed=0)
