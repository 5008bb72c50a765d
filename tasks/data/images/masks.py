"""Masks: a number for each pixel, as files, as stored beside the pixels, and as text in tables.

A stored mask has the places of its classes among the labels, and IGNORED where nothing is known.
In a table it is JSON: the names of its classes, and runs of equal pixels, row after row (the
run-length encoding of COCO, but with names, so that it means the same beside other labels):

    {"size": [2, 3], "names": ["sky", "road"], "runs": [0, 3, 1, 2, -1, 1]}

is three pixels of sky, two of road, and one that is not counted. Masks move with their pictures by
the nearest pixel, so that no number appears that was not there.
"""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from torch import Tensor
from torch.nn import functional

from tasks.contract import StageError
from tasks.data.images.decoding import MOST_PIXELS

FORMATS = ("PNG", "BMP", "GIF", "TIFF", "PPM")  # those that keep numbers as they are
IGNORED = 255  # in a stored mask
NOT_COUNTED = -100  # in a batch, as in transformers
MOST_CLASSES = IGNORED

Numbers = NDArray[np.uint8]
Floats = NDArray[np.float64]


def read_mask(data: bytes, where: str) -> Numbers:
    """The numbers of a mask file, of its index or palette, or of its grey: [height, width].

    Raises:
        StageError: it is no picture of such a format, damaged, in colours, or has numbers above
            255.
    """
    if not data:
        raise StageError(f"{where}: the file is empty (0 bytes)")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            Image.init()
            image = Image.open(io.BytesIO(data), formats=FORMATS)
            if image.size[0] * image.size[1] <= MOST_PIXELS:
                image.load()
    except UnidentifiedImageError:
        raise StageError(
            f"{where}: not a mask; accepted: {', '.join(FORMATS)}, since JPEG changes numbers"
        ) from None
    except Exception as error:  # the library raises many types for damaged files
        said = str(error).partition("\n")[0] or type(error).__name__
        raise StageError(f"{where}: cannot be decoded, the file is damaged: {said}") from None
    if image.size[0] * image.size[1] > MOST_PIXELS:
        raise StageError(f"{where}: accepted: at most {MOST_PIXELS:,} pixels")
    values = np.asarray(image)
    if image.format == "PNG" and image.mode == "L":
        values = values // _stretched(data)
    if image.mode in ("LA", "La"):
        values = values[..., 0]  # grey with transparency, which means nothing here
    if image.mode.startswith("RGB") and (values[..., :1] == values[..., :3]).all():
        values = values[..., 0]  # grey that was saved as colours
    if values.ndim == 3:
        raise StageError(
            f"{where}: found colours (mode {image.mode}); accepted: a number for each pixel, as a "
            "palette (mode P) or grey (mode L), not colours that stand for classes"
        )
    if values.dtype.kind == "f" or values.max() > 255 or values.min() < 0:
        raise StageError(
            f"{where}: found numbers from {values.min():g} to {values.max():g}; accepted: whole "
            "numbers from 0 to 255"
        )
    return values.astype(np.uint8)


def _stretched(data: bytes) -> int:
    """By what Pillow multiplies the numbers of a grey PNG of 2 or 4 bits, so that white is 255."""
    depth, colour = data[24:26]  # of the header, IHDR
    return 255 // (2**depth - 1) if colour == 0 and depth < 8 else 1


def as_text(mask: Numbers, names: Sequence[str]) -> str:
    """A mask [height, width] of places among names, IGNORED included, as text for a table."""
    flat = mask.ravel()
    begins = np.flatnonzero(np.r_[True, flat[1:] != flat[:-1]])
    lengths = np.diff(np.r_[begins, flat.size])
    used, place = np.unique(flat[begins], return_inverse=True)
    known = used[used != IGNORED]
    place = np.where(used[place] == IGNORED, -1, place)
    runs = np.stack([place, lengths], axis=1).ravel().tolist()
    text = {"size": list(mask.shape), "names": [names[i] for i in known], "runs": runs}
    return json.dumps(text, ensure_ascii=False, separators=(",", ":"))


def from_text(text: str) -> tuple[NDArray[np.int64], list[str]]:
    """The mask of a text, and the names that its numbers are the places of; -1 is not counted."""
    values = json.loads(text)
    place, lengths = np.array(values["runs"], dtype=np.int64).reshape(-1, 2).T
    return np.repeat(place, lengths).reshape(values["size"]), values["names"]


def names_in(text: str) -> list[str]:
    """The classes in the mask of a text."""
    found: list[str] = json.loads(text)["names"]
    return found


def placed(text: str, labels: Sequence[str]) -> NDArray[np.int64]:
    """The mask of a text with places among labels; -1 where it is not counted.

    Raises:
        ValueError: it has a name that is no label.
    """
    mask, names = from_text(text)
    number = {label: i for i, label in enumerate(labels)}
    unknown = [name for name in names if name not in number]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is none of {len(labels)} labels")
    return np.array([*(number[name] for name in names), -1], dtype=np.int64)[mask]


def shares_of(text: str) -> dict[str, float]:
    """The share of each class in the pixels of a text that count, the largest first."""
    mask, names = from_text(text)
    counts = np.bincount(mask[mask >= 0], minlength=len(names)).tolist()
    whole = max(1, sum(counts))
    pairs = sorted(zip(names, counts, strict=True), key=lambda each: -each[1])
    return {name: count / whole for name, count in pairs}


def moved(masks: Tensor, maps: Floats) -> Tensor:
    """Masks moved as their pictures are; beyond the edge of a picture nothing counts.

    Args:
        masks: whole numbers, [pictures, height, width].
        maps: of `Augmenter.maps`, [pictures, 2, 3].
    """
    if np.array_equal(maps, np.broadcast_to(np.eye(2, 3), maps.shape)):
        return masks
    shape = [len(masks), 1, *masks.shape[1:]]
    grid = functional.affine_grid(torch.from_numpy(maps).float(), shape, align_corners=False)
    # Zero is what grid_sample has beyond the edge; numbers below 2^24 are exact in fp32.
    above = (masks - NOT_COUNTED).float()[:, None]
    found = functional.grid_sample(
        above, grid, mode="nearest", padding_mode="zeros", align_corners=False
    )
    return found[:, 0].to(masks.dtype) + NOT_COUNTED
