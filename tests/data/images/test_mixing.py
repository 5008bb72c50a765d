"""Mixed pictures: a picture and another one of its batch, their labels in the same shares."""

import numpy as np
import pytest
import torch
from scipy.stats import beta, kstest

from tasks.data.images.examples import Views
from tasks.data.images.mixing import Mixer
from tasks.data.images.pixel_arrays import Pictures

INDICES, EPOCHS = np.arange(6), np.zeros(6, np.int64)


def batch_of(labels: torch.Tensor) -> dict[str, torch.Tensor]:
    values = torch.randn(6, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    return {"pixel_values": values, "labels": labels}


def test_pictures_and_labels_are_mixed_in_the_same_shares() -> None:
    mixer, before = Mixer(1.0, 0, 3), batch_of(torch.tensor([0, 1, 2, 0, 1, 2]))
    after, stays = mixer(before, INDICES, EPOCHS), mixer.shares(INDICES, EPOCHS)
    for number, share in enumerate(stays):
        one, other = before["pixel_values"][number], before["pixel_values"][number - 1]
        assert torch.allclose(after["pixel_values"][number], share * one + (1 - share) * other)
        expected = torch.zeros(3)
        expected[before["labels"][number]] += share
        expected[before["labels"][number - 1]] += 1 - share
        assert torch.allclose(after["labels"][number], expected)


def test_several_labels_are_mixed_each() -> None:
    given = torch.tensor([[1.0, 0.0], [1.0, 1.0], [0.0, 0.0]] * 2)
    mixer = Mixer(0.4, 1, 2)
    stays = mixer.shares(INDICES, EPOCHS)[:, None]
    after = mixer(batch_of(given), INDICES, EPOCHS)["labels"]
    assert torch.allclose(after, stays * given + (1 - stays) * given.roll(1, 0))


@pytest.mark.parametrize("strength", [0.2, 1.0, 4.0])
def test_shares_follow_the_beta_distribution(strength: float) -> None:
    drawn = Mixer(strength, 0, 2).shares(np.arange(4000), np.zeros(4000, np.int64))
    assert kstest(drawn.double().numpy(), beta(strength, strength).cdf).statistic < 0.03


def test_a_share_depends_on_seed_epoch_and_index_alone() -> None:
    mixer = Mixer(0.5, 7, 2)
    whole = mixer.shares(np.arange(10), np.full(10, 3))
    assert torch.equal(mixer.shares(np.array([9, 2]), np.array([3, 3])), whole[[9, 2]])
    assert not torch.equal(mixer.shares(np.arange(10), np.full(10, 4)), whole)
    assert not torch.equal(Mixer(0.5, 8, 2).shares(np.arange(10), np.full(10, 3)), whole)


def test_views_are_mixed_after_they_are_varied() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (6, 4, 4, 3)).astype(np.uint8)
    pictures, mixer = Pictures(pixels, np.array([0, 1] * 3), ("a", "b")), Mixer(1.0, 0, 2)
    apart, mixed = (Views(pictures, mixer=each).draw(INDICES, EPOCHS) for each in (None, mixer))
    expected = mixer(apart, INDICES, EPOCHS)
    assert all(torch.equal(mixed[name], expected[name]) for name in expected)
