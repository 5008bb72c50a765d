"""Masks keep their numbers, whatever becomes of the picture, and go the way that it goes."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
import torch
from PIL import Image

from tasks.contract import StageError
from tasks.data.images.augmentation import Augmenter, to_tensor
from tasks.data.images.framing import Frame
from tasks.data.images.masks import (
    IGNORED,
    NOT_COUNTED,
    as_text,
    from_text,
    moved,
    placed,
    read_mask,
    shares_of,
)
from tasks.data.images.resizing import to_square
from tasks.experiment.images.training import Augmentation


def written(image: Image.Image, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


def blocks(seed: int, high: int, wide: int, classes: int = 5) -> np.ndarray:
    """A mask of large patches: [high, wide]."""
    small = np.random.default_rng(seed).integers(0, classes, (4, 4), dtype=np.uint8)
    return np.asarray(Image.fromarray(small).resize((wide, high), Image.Resampling.NEAREST))


@pytest.mark.parametrize("mode", ["L", "P", "RGB", "LA"])
def test_the_numbers_are_those_of_the_index_or_of_the_grey(mode: str) -> None:
    mask = blocks(1, 9, 12)
    image = Image.fromarray(mask)
    if mode == "P":
        image = Image.fromarray(mask, "P")
        image.putpalette([7, 8, 9] * 5)
    elif mode in ("RGB", "LA"):
        image = image.convert(mode)
    assert np.array_equal(read_mask(written(image), "a.png"), mask)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "a.png: the file is empty"),
        (b"no picture", "a.png: not a mask; accepted: PNG"),
        (written(Image.new("L", (4, 4)), "JPEG"), "JPEG changes numbers"),
        (written(Image.new("RGB", (4, 4), (1, 2, 3))), "found colours"),
        (written(Image.new("CMYK", (4, 4), (0, 0, 0, 9)), "TIFF"), "found colours .mode CMYK"),
        (written(Image.fromarray(np.full((4, 4), 300, np.uint16))), "numbers from 300 to 300"),
        (written(Image.new("L", (64, 64), 3))[:70], "the file is damaged"),
    ],
)
def test_what_is_no_mask_is_answered(data: bytes, said: str) -> None:
    with pytest.raises(StageError, match=said):
        read_mask(data, "a.png")


@pytest.mark.parametrize("fit", ["crop", "stretch"])
@pytest.mark.parametrize("size", [(64, 64), (90, 60), (41, 77)])
def test_a_mask_is_framed_as_its_picture_and_put_back(fit: str, size: tuple[int, int]) -> None:
    mask = blocks(2, size[1], size[0])
    shades = Image.fromarray((mask * 50).astype(np.uint8))
    frame = Frame.of(*size, 32, fit)
    square = frame.square(mask)
    picture = to_square(shades, 32, 1, fit)[..., 0]
    assert np.mean(np.rint(picture / 50) == square) > 0.85, "but where patches meet"
    whole = frame.whole(square, IGNORED)
    assert whole.shape == mask.shape
    known = whole != IGNORED
    assert np.mean(whole[known] == mask[known]) > 0.9
    assert known.all() == (fit == "stretch" or size[0] == size[1])


@pytest.mark.parametrize("seed", range(12))
def test_a_mask_stays_on_its_pixels_for_any_chain(seed: int) -> None:
    """Each class has its shade; after crop, flip, turn and shear it still has, but at edges."""
    draw = np.random.default_rng(seed)
    settings = Augmentation(
        crop=draw.uniform(0.5, 1),
        shift=draw.uniform(0, 0.3),
        flip=bool(draw.integers(2)),
        rotation=draw.uniform(0, 180),
        shear=draw.uniform(0, 0.3),
        colour=0,
    )
    masks = np.stack([blocks(int(draw.integers(999)), 64, 64) for _ in range(3)])
    pictures = to_tensor((masks * 40 + 40)[..., None].astype(np.uint8))
    augment, indices, epochs = Augmenter(settings, seed), np.arange(3), np.full(3, 7)
    maps = augment.maps(indices, epochs)
    labels = moved(torch.from_numpy(masks.astype(np.int64)), maps)
    shades = (augment(pictures, indices, epochs)[:, 0] * 127.5 + 127.5 - 40) / 40
    counted = labels != NOT_COUNTED
    assert set(np.unique(labels)) <= {NOT_COUNTED, *range(5)}
    assert counted.any()
    near = (shades - labels).abs() < 0.3
    assert near[counted].float().mean() > 0.85, "all but pixels between two classes"
    assert (shades[~counted] < 0.3).float().mean() > 0.9, "beyond the edge is black"


def test_a_mask_that_nothing_moves_is_the_same() -> None:
    masks = torch.arange(2 * 8 * 8).reshape(2, 8, 8)
    assert moved(masks, np.broadcast_to(np.eye(2, 3), (2, 2, 3))) is masks


def test_a_mask_survives_its_text_under_other_labels() -> None:
    mask = blocks(3, 6, 10, classes=3).copy()
    mask[0, :4] = IGNORED
    text = as_text(mask, ["sky", "road", "tree"])
    again, names = from_text(text)
    assert json.loads(text)["size"] == [6, 10]
    assert np.array_equal(again < 0, mask == IGNORED)
    other = ["tree", "sky", "road"]
    found = placed(text, other)
    for place, name in enumerate(["sky", "road", "tree"]):
        assert np.array_equal(found == other.index(name), mask == place)
    assert sum(shares_of(text).values()) == pytest.approx(1)
    with pytest.raises(ValueError, match="is none of 1 labels"):
        placed(text, names[:1])
