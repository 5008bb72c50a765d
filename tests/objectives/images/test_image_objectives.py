"""Every objective on pictures: what it hides, compares and measures."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from tasks.data.images.hidden_patches import hidden
from tasks.data.images.pixel_arrays import Pictures
from tasks.experiment.images.model import ImageModel
from tasks.experiment.images.training import ImagePretraining
from tasks.families import images as families
from tasks.objectives import images as objectives
from tasks.objectives.images import classification, masked_image, simclr

SIZE = 16
FITTING = {"classification": "resnet", "simclr": "resnet", "masked-image": "vit"}


def pictures(count: int = 12) -> Pictures:
    generator = np.random.default_rng(1)
    shape = (count, SIZE, SIZE, 3)
    labels = np.arange(count) % 3
    return Pictures(generator.integers(0, 256, shape, dtype=np.uint8), labels, ("a", "b", "c"))


def case(name: str):
    """An objective, a model for it, and a batch."""
    objective, family = objectives.load(name), FITTING[name]
    config = families.load(family).configure(ImageModel(family=family), SIZE, 0.0)
    model = objective.new_model(config, 0, ("a", "b", "c"))
    examples = objective.examples(pictures(), ImagePretraining(objective=name), 0, varied=True)
    return objective, model, examples.draw(np.arange(8), np.zeros(8, int))


@pytest.mark.parametrize("name", objectives.names())
def test_the_loss_falls_on_a_batch_that_is_seen_again(name: str) -> None:
    objective, model, batch = case(name)
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    found = []
    for _ in range(15):
        losses = objective.losses(model, batch)
        optimizer.zero_grad()
        losses["loss"].backward()
        optimizer.step()
        found.append(losses["loss"].item())
    assert found[-1] < 0.9 * found[0]
    assert objective.TRAINING_LOSS in losses
    assert objective.counts(batch).keys() == losses.keys() - {"loss"}


@pytest.mark.parametrize("name", objectives.names())
def test_it_measures_what_it_says(name: str) -> None:
    objective, model, batch = case(name)
    with torch.no_grad():
        sums = objective.measure(model.eval(), batch)
    measured = {name: total / count for name, (total, count) in sums.items()}
    found = measured | objective.derive(measured, pictures(), pictures())
    assert found.keys() | {"probe_accuracy"} == objective.METRICS.keys()
    assert objective.REFERENCE[1] in found
    assert next(iter(objective.METRICS)) == "validation_loss"


def test_the_frequencies_of_labels_are_the_reference_of_classification() -> None:
    found = classification.derive({}, pictures(), pictures())
    assert found["prior_loss"] == pytest.approx(math.log(3))


def test_equal_views_are_found_and_a_view_is_never_its_own() -> None:
    _, model, batch = case("simclr")
    batch["views"] = batch["pixel_values"]
    with torch.no_grad():
        similar, other = simclr.similarities(model.eval(), batch)
    assert torch.equal(other, torch.tensor([*range(8, 16), *range(8)]))
    assert bool(torch.isinf(similar.diagonal()).all())
    assert torch.equal(similar.argmax(dim=1), other)


def test_two_views_of_a_picture_differ() -> None:
    _, _, batch = case("simclr")
    assert not torch.equal(batch["pixel_values"], batch["views"])


@pytest.mark.parametrize("share", [0.25, 0.6])
def test_the_share_of_patches_is_hidden_as_a_function_of_epoch_and_index(share: float) -> None:
    settings = ImagePretraining(objective="masked-image", masking_share=share)
    examples = masked_image.examples(pictures(), settings, 0, varied=False)
    one = examples.draw(np.array([3, 5]), np.array([0, 1]))
    two = examples.draw(np.array([5, 3, 3]), np.array([1, 0, 1]))
    first, second = hidden(one, 64), hidden(two, 64)
    assert (first.sum(dim=1) == round(64 * share)).all()
    assert torch.equal(first[0], second[1])
    assert torch.equal(first[1], second[0])
    assert not torch.equal(second[1], second[2])


@pytest.mark.parametrize("family", ["vit", "swin"])
def test_whole_squares_are_hidden_each_from_all_its_patches(family: str, monkeypatch) -> None:
    objective = objectives.load("masked-image")
    config = families.load(family).configure(ImageModel(family=family), SIZE, 0.0)
    model, batch = objective.new_model(config, 0, ("a",)), case("masked-image")[2]
    asked = []
    forward = model.forward

    def recorded(**given):
        asked.append(given["bool_masked_pos"])
        return forward(**given)

    monkeypatch.setattr(model, "forward", recorded)
    assert objective.losses(model, batch)["loss"].isfinite()
    (places,) = asked
    rows, times = SIZE // config.patch_size, config.encoder_stride // config.patch_size
    assert times == (1 if family == "vit" else 4)
    squares = places.unflatten(1, (rows // times, times, rows // times, times)).transpose(2, 3)
    shares = squares.flatten(3).float().mean(dim=3)  # of the patches of each square
    assert set(shares.unique().tolist()) == {0.0, 1.0}
    assert shares.mean(dim=(1, 2)).unique().numel() == 1, "as many in each picture"
