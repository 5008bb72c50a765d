"""Mistakes that no single field has."""

import pytest

from tasks.experiment.consistency import mistakes
from tasks.experiment.experiment import Experiment


def found(**parts):
    return mistakes(Experiment.model_validate(parts))


def test_the_defaults_fit_together():
    assert found() == []


def test_roberta_has_no_sentence_pairs():
    [(path, message)] = found(model={"family": "roberta"}, pretraining={"objective": "mlm+nsp"})
    assert path == "pretraining.objective"
    assert "accepted with it: mlm" in message
    assert found(model={"family": "roberta"}, pretraining={"objective": "mlm"}) == []


@pytest.mark.parametrize("family", ["llama", "modernbert"])
def test_rotary_positions_need_heads_of_an_even_width(family):
    objective = {"llama": "clm", "modernbert": "mlm"}[family]
    odd = {"family": family, "hidden_size": 24, "heads": 8}
    [(path, message)] = found(model=odd, pretraining={"objective": objective})
    assert path == "model.heads"
    assert "8 heads of a hidden size of 24 are 3 wide" in message
    assert "accepted: 1, 2, 3, 4, 6, 12" in message
    even = odd | {"heads": 6}
    assert found(model=even, pretraining={"objective": objective}) == []
    assert found(model=odd | {"family": "roberta"}, pretraining={"objective": "mlm"}) == []


def test_sequences_are_no_longer_than_the_model_reads():
    wrong = found(
        model={"max_positions": 64},
        pretraining={"sequence_length": 128},
        downstream=[{"name": "a", "max_length": 64}, {"name": "b", "max_length": 65}],
    )
    assert [path for path, _ in wrong] == [
        "pretraining.sequence_length",
        "downstream.b.max_length",
    ]
    assert "128 is more than model.max_positions (64)" in wrong[0][1]


def test_muon_needs_layers_that_learn():
    muon = {"name": "a", "optimizer": "muon", "freeze": "encoder"}
    [(path, message)] = found(downstream=[muon])
    assert path == "downstream.a.optimizer"
    assert "accepted: adamw" in message
    assert found(downstream=[muon | {"freeze": "embeddings"}]) == []


def test_names_of_problems_are_their_own():
    wrong = found(downstream=[{"name": "a"}, {"name": "b"}, {"name": "a"}])
    assert [path for path, _ in wrong] == ["downstream.0.name", "downstream.2.name"]


@pytest.mark.parametrize(
    ("field", "value"), [("label_smoothing", 0.1), ("class_weights", "balanced")]
)
def test_what_is_done_with_labels_needs_labels(field, value):
    number = {"name": "a", "problem": "regression", field: value}
    [(path, message)] = found(downstream=[number])
    assert path == f"downstream.a.{field}"
    assert "problem is 'regression'; the field counts only with" in message
    for problem in ("text-classification", "token-classification"):
        assert found(downstream=[number | {"problem": problem}]) == []
    several = number | {"problem": "text-classification", "several_labels": True}
    assert found(downstream=[several]) == []


def test_the_layers_of_a_frozen_encoder_have_no_rates():
    part = {"name": "a", "layer_decay": 0.8, "freeze": "encoder"}
    [(path, message)] = found(downstream=[part])
    assert path == "downstream.a.layer_decay"
    assert "freeze is 'encoder'; the field counts only with none, embeddings" in message
    assert found(downstream=[part | {"freeze": "embeddings"}]) == []
