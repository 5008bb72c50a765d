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


@pytest.mark.parametrize("method", ["probe", "bias", "dora", "ia3"])
def test_muon_needs_matrices_that_learn(method):
    part = {"name": "a", "optimizer": "muon", "tuning": {"method": method}}
    [(path, message)] = found(downstream=[part])
    assert path == "downstream.a.optimizer"
    assert f"with tuning.method: {method} no matrix of a layer learns" in message
    assert found(downstream=[part | {"tuning": {"method": "lora"}}]) == []


@pytest.mark.parametrize(("field", "value"), [("freeze", "embeddings"), ("layer_decay", 0.8)])
def test_what_freezes_is_said_once_and_both_names_are_told(field, value):
    part = {"name": "a", field: value, "tuning": {"method": "lora"}}
    [(path, message)] = found(downstream=[part])
    assert path == f"downstream.a.{field}"
    assert f"found {value!r}, but tuning.method is 'lora'" in message
    assert found(downstream=[part | {"tuning": {"method": "full"}}]) == []


def test_a_field_of_another_method_is_refused():
    [(path, message)] = found(downstream=[{"name": "a", "tuning": {"method": "ia3", "rank": 4}}])
    assert path == "downstream.a.tuning.rank"
    assert "method is 'ia3'; the field counts only with dora, lora" in message


def test_layers_that_learn_are_layers_of_the_model():
    part = {"name": "a", "tuning": {"method": "gradual", "layers": 3}}
    [(path, message)] = found(model={"layers": 2}, downstream=[part])
    assert path == "downstream.a.tuning.layers"
    assert "found 3, but the layers of the model are 2; accepted: 0 (all) to 2" in message
    assert found(model={"layers": 3}, downstream=[part]) == []
    shared = {"family": "albert", "layers": 4}
    [(_, message)] = found(model=shared, pretraining={"objective": "mlm"}, downstream=[part])
    assert "accepted: 0 (all) to 1" in message


def test_the_rank_of_new_matrices_is_at_most_that_of_the_layers():
    part = {"name": "a", "tuning": {"method": "lora", "rank": 65}}
    [(path, message)] = found(model={"hidden_size": 64, "heads": 2}, downstream=[part])
    assert path == "downstream.a.tuning.rank"
    assert "found 65, but the rank of the layers' matrices is 64; accepted: 1 to 64" in message
    part["tuning"]["rank"] = 64
    assert found(model={"hidden_size": 64, "heads": 2}, downstream=[part]) == []


@pytest.mark.parametrize(("family", "objective"), [("llama", "clm"), ("modernbert", "mlm")])
def test_biases_learn_where_there_are_some(family, objective):
    parts = {"model": {"family": family}, "pretraining": {"objective": objective}}
    part = {"name": "a", "tuning": {"method": "bias"}}
    [(path, message)] = found(**parts, downstream=[part])
    assert path == "downstream.a.tuning.method"
    assert f"the layers of model.family {family} have no biases; accepted: dora" in message


def test_a_problem_without_a_head_of_its_own_has_no_probe():
    parts = {"model": {"family": "gpt2"}, "pretraining": {"objective": "clm"}}
    part = {"name": "a", "problem": "generation", "tuning": {"method": "probe"}}
    [(path, message)] = found(**parts, downstream=[part])
    assert path == "downstream.a.tuning.method"
    assert "found probe, but in generation nothing else learns; accepted: bias, dora" in message
    assert found(**parts, downstream=[part | {"tuning": {"method": "lora"}}]) == []


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
