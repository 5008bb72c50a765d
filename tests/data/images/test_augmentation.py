"""Augmentation depends on seed, epoch and index alone, and moves a picture as its map says."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tasks.data.images.augmentation import Augmenter, to_tensor
from tasks.experiment.images.training import Augmentation

STILL = Augmentation(crop=1, shift=0, flip=False, rotation=0, colour=0)
ALL = Augmentation(rotation=30, shear=0.2, colour=0.3, blur=0.5, erase=0.5)


def pictures(count: int, channels: int = 3, side: int = 16) -> torch.Tensor:
    generator = np.random.default_rng(count)
    return to_tensor(generator.integers(0, 256, (count, side, side, channels), dtype=np.uint8))


@pytest.mark.parametrize("channels", [1, 3])
def test_a_picture_is_the_same_in_any_batch(channels: int) -> None:
    whole, augment = pictures(12, channels), Augmenter(ALL, seed=3, channels=channels)
    indices, epochs = np.arange(12), np.arange(12) % 3
    together = augment(whole, indices, epochs)
    for part in ([0, 5], [7], [11, 2, 3]):
        alone = augment(whole[part], indices[part], epochs[part])
        assert torch.equal(alone, together[part])


def test_another_seed_epoch_or_view_gives_another_picture() -> None:
    one, index, epoch = pictures(1), np.array([4]), np.array([2])
    first = Augmenter(ALL, 3)(one, index, epoch)
    assert torch.equal(first, Augmenter(ALL, 3)(one, index, epoch))
    assert not torch.equal(first, Augmenter(ALL, 4)(one, index, epoch))
    assert not torch.equal(first, Augmenter(ALL, 3)(one, index, epoch + 1))
    assert not torch.equal(first, Augmenter(ALL, 3, view=1)(one, index, epoch))


def test_nothing_is_drawn_from_the_global_generator() -> None:
    before = torch.get_rng_state()
    Augmenter(ALL, 0)(pictures(4), np.arange(4), np.arange(4))
    assert torch.equal(before, torch.get_rng_state())


def test_without_any_variation_a_picture_stays_as_it_is() -> None:
    given = pictures(3)
    assert torch.equal(Augmenter(STILL, 0)(given, np.arange(3), np.arange(3)), given)


def test_numbers_stay_between_minus_one_and_one() -> None:
    found = Augmenter(ALL, 1)(pictures(64), np.arange(64), np.zeros(64, int))
    assert found.min() >= -1 - 1e-6
    assert found.max() <= 1 + 1e-6


def test_a_grey_picture_stays_grey() -> None:
    found = Augmenter(ALL, 1, channels=1)(pictures(8, 1), np.arange(8), np.zeros(8, int))
    assert found.shape == (8, 3, 16, 16)
    assert torch.equal(found[:, 0], found[:, 2])


def test_half_of_the_pictures_are_mirrored_and_no_other() -> None:
    given = pictures(200)
    flip = STILL.model_copy(update={"flip": True})
    found = Augmenter(flip, 0)(given, np.arange(200), np.zeros(200, int))
    mirrored = [torch.allclose(a, b.flip(-1), atol=1e-4) for a, b in zip(found, given, strict=True)]
    same = [torch.allclose(a, b, atol=1e-4) for a, b in zip(found, given, strict=True)]
    assert sum(mirrored) + sum(same) == 200
    assert 70 < sum(mirrored) < 130


@pytest.mark.parametrize("seed", range(8))
def test_a_spot_is_where_the_map_says(seed: int) -> None:
    side, at = 64, (0.25, -0.375)  # of the spot, x and y from -1 to 1
    grid = (np.arange(side) + 0.5) / side * 2 - 1
    distance = (grid[None, :] - at[0]) ** 2 + (grid[:, None] - at[1]) ** 2
    spot = torch.from_numpy(np.exp(-distance / 0.01)).float()[None, None] * 2 - 1
    settings = Augmentation(crop=0.8, shift=0.1, rotation=40, shear=0.3, colour=0)
    augment, index, epoch = Augmenter(settings, seed), np.array([0]), np.array([0])
    [map_] = augment.maps(index, epoch)
    place = np.linalg.solve(map_[:, :2], np.array(at) - map_[:, 2])
    brightest = int(augment(spot, index, epoch)[0, 0].argmax())
    row, column = divmod(brightest, side)
    assert abs(grid[column] - place[0]) < 3 / side
    assert abs(grid[row] - place[1]) < 3 / side


def test_a_rectangle_is_erased_of_the_share_of_the_pictures() -> None:
    settings = STILL.model_copy(update={"erase": 0.5})
    given = torch.ones(100, 3, 32, 32)
    found = Augmenter(settings, 0)(given, np.arange(100), np.zeros(100, int))
    erased = (found == 0).all(dim=1).float().mean(dim=(1, 2))
    assert 30 < int((erased > 0).sum()) < 70
    assert float(erased[erased > 0].min()) > 0.01
    assert float(erased.max()) < 0.3
