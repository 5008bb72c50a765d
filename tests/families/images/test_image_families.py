"""Every family of models that read pictures: built, stored, probed, and its layers found."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import AutoModel, AutoModelForImageClassification

from tasks.data.images.augmentation import to_tensor
from tasks.experiment import choices
from tasks.experiment.images.model import ImageModel
from tasks.families import images as families
from tasks.models.depths import Depths, layer_rates
from tasks.models.images.building import in_layout, load_body, new_model
from tasks.models.images.computation import forward_flops
from tasks.models.images.features import pooled
from tasks.training.optimization import matrices_of_layers

SIZE = 32


@pytest.fixture(params=families.names())
def family(request: pytest.FixtureRequest) -> str:
    return request.param


def build(family: str, seed: int = 0, auto_model=AutoModelForImageClassification):
    config = families.load(family).configure(ImageModel(family=family), SIZE, 0.1)
    assert config.model_type == family, "files are named after it"
    config.id2label = dict(enumerate("abcde"))
    return new_model(auto_model, config, seed)


def pictures(count: int = 4) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    shape = (count, SIZE, SIZE, 3)
    return to_tensor(torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8).numpy())


def test_weights_depend_on_the_seed_alone(family: str) -> None:
    first, again, other = build(family), build(family), build(family, seed=1)
    states = [model.state_dict() for model in (first, again, other)]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert any(not torch.equal(states[0][name], states[2][name]) for name in states[0])


def test_a_body_is_stored_and_replaces_that_of_a_classifier(family: str, tmp_path: Path) -> None:
    body = build(family, seed=1, auto_model=AutoModel)
    body.save_pretrained(tmp_path)
    model = build(family)
    load_body(model, tmp_path)
    body.eval()
    model.eval()
    with torch.no_grad():
        assert torch.allclose(pooled(model, pictures()), pooled(body, pictures()), atol=1e-5)


def test_it_learns_two_pictures_apart(family: str) -> None:
    model = in_layout(build(family)).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    labels = torch.tensor([0, 1, 0, 1])
    losses = []
    for _ in range(12):
        loss = torch.nn.functional.cross_entropy(model(pixel_values=pictures()).logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 2


def test_its_layers_are_found_and_lower_ones_learn_more_slowly(family: str) -> None:
    model = build(family)
    depths = Depths.of(model)
    assert len(depths.layers) >= 3
    assert depths.embeddings
    assert all(depths.layers)
    every = set().union(depths.embeddings, *depths.layers, depths.above, depths.head)
    assert every == {name for name, _ in model.named_parameters()}
    rates = layer_rates(model, 0.5)
    assert rates[min(depths.embeddings)] == 0.5 ** len(depths.layers)


def test_operations_are_counted_without_computing(family: str) -> None:
    found = forward_flops(build(family), {"pixel_values": pictures()})
    assert 1e6 < found < 1e9


def test_dropout_is_a_field_of_its_configuration(family: str) -> None:
    config = build(family).config
    fields = families.load(family).dropout(0.3)
    assert all(hasattr(config, name) for name in fields)


def test_what_is_stated_of_the_layers_is_so(family: str) -> None:
    model = build(family)
    count, width = choices.table_of("families/images", family, "_DEPTHS")["tiny"]
    layers = Depths.of(model).layers
    assert len(layers) == count
    ranks = [
        min(part.shape[0], part[0].numel())
        for name, part in model.named_parameters()
        if name in frozenset().union(*layers) and part.ndim > 1
    ]
    assert max(ranks) == width
    convolutional = "no matrices" in choices.words_of("families/images", family, "_LAYERS")
    assert bool(matrices_of_layers(model)) != convolutional
