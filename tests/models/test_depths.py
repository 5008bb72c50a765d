"""The depth of each weight, in every family; lower rates below, and frozen parts."""

import pytest
import torch

from tasks import families
from tasks.models.depths import Depths, freeze, layer_rates
from tasks.problems import defaults
from tests.support.shapes import case


def model_of(family, task="text-classification"):
    return case(f"{family} {task}").model


@pytest.mark.parametrize("family", families.names())
def test_every_weight_of_every_family_has_one_depth(family):
    model = model_of(family)
    depths = Depths.of(model)
    parts = [depths.embeddings, *depths.layers, depths.above, depths.head]
    names = [name for part in parts for name in part]
    assert sorted(names) == sorted(name for name, _ in model.named_parameters())
    assert len(depths.layers) == (1 if family == "albert" else model.config.num_hidden_layers)
    sizes = {len(layer) for layer in depths.layers}
    assert len(sizes) == 1 or family == "modernbert"  # whose first layer has no norm before it
    tables = {id(part) for part in model.get_input_embeddings().parameters()}
    named = {name for name, part in model.named_parameters() if id(part) in tables}
    assert named <= depths.embeddings
    prefix = f"{model.base_model_prefix}."
    assert all("pooler" in name for name in depths.head if name.startswith(prefix))
    assert any(name.startswith(("classifier.", "score.")) for name in depths.head)
    assert all("norm" in name.lower() or "ln_f" in name for name in depths.above)


def test_the_top_layer_has_the_full_rate_and_each_below_a_share_of_it():
    rates = layer_rates(model_of("bert"), 0.5)
    found = {
        "embeddings": rates["bert.embeddings.word_embeddings.weight"],
        "lower": rates["bert.encoder.layer.0.output.dense.weight"],
        "upper": rates["bert.encoder.layer.1.output.dense.weight"],
    }
    assert found == {"embeddings": 0.25, "lower": 0.5, "upper": 1.0}
    assert not [name for name in rates if name.startswith(("classifier.", "bert.pooler."))]


@pytest.mark.parametrize("family", families.names())
@pytest.mark.parametrize("frozen", ["none", "embeddings", "encoder"])
def test_what_is_frozen_has_no_gradient_and_all_else_has(frozen, family):
    given = case(f"{family} text-classification")
    depths = Depths.of(given.model)
    kept = {"none": set(), "embeddings": {*depths.embeddings}}
    kept["encoder"] = depths.embeddings.union(depths.above, *depths.layers)
    every = {name for name, part in given.model.named_parameters() if part.requires_grad}
    freeze(given.model, frozen)
    defaults.loss(given.model, given.batch).backward()
    learning = {name for name, part in given.model.named_parameters() if part.grad is not None}
    assert not learning & kept[frozen]
    unused = every - kept[frozen] - learning
    assert not [name for name in unused if "rel_embeddings" not in name], unused


def test_a_frozen_encoder_is_not_walked_back_through():
    given = case("bert text-classification")
    freeze(given.model, "encoder")
    with torch.enable_grad():
        states = given.model.bert(given.batch["input_ids"]).last_hidden_state
    assert not states.requires_grad
