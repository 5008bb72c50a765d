"""The file beside a model that says how pictures become its numbers. Imports are light.

Temper's batches are numbers from -1 to 1. A published model may read others: those that its
preprocessor_config.json makes of a pixel, with a mean and a deviation for each channel. So that
file goes with the model wherever it goes, and `normalization.py` has it read Temper's batches.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pydantic import ValidationError

from tasks.contract import StageError
from tasks.experiment.images.pictures import Pixels
from tasks.machinery.host.foreign_json import read_foreign_json
from tasks.models.files import READER

CHANNELS = "temper_channels"  # a field of our own in it: 1 where colours are not looked at
USUAL = (0.5, 0.5, 0.5)  # mean and deviation of pixels from 0 to 1 that become numbers from -1 to 1
SMALLEST = 1e-3  # deviation
ACCEPTED = f"three numbers each, of pixels from 0 to 1; a deviation is at least {SMALLEST:g}"


@dataclass(frozen=True)
class Normalization:
    """What a model's numbers are: (pixel - mean) / deviation, of pixels from 0 to 1.

    Attributes:
        mean: of each channel.
        deviation: of each channel.
    """

    mean: tuple[float, ...] = USUAL
    deviation: tuple[float, ...] = USUAL

    @property
    def is_usual(self) -> bool:
        """Whether these are Temper's numbers, from -1 to 1."""
        return self == Normalization()

    @classmethod
    def of(cls, folder: Path, where: str = "") -> Self:
        """That of the model in a folder.

        Args:
            folder: the folder.
            where: its name for messages.

        Raises:
            StageError: the file is missing, or its pixels do not run from 0 to 1 before.
        """
        name = f"{where or folder.name}: {READER}"
        if not (folder / READER).is_file():
            raise StageError(
                f"{name}: not there, but it says which numbers the model reads; accepted: a folder "
                "with the image processor beside the model, as its save_pretrained writes it"
            )
        values = read_foreign_json(folder / READER, name)
        if not isinstance(values, dict):
            raise StageError(f"{name}: found no object; accepted: that of an image processor")
        for switch in ("do_rescale", "do_normalize"):
            if not isinstance(values.get(switch, True), bool):
                raise StageError(
                    f"{name}: {switch}: found {values[switch]!r:.80}; accepted: true or false"
                )
        factor, scales = values.get("rescale_factor", 1 / 255), values.get("do_rescale", True)
        known = isinstance(factor, (int, float)) and abs(255 * factor - 1) < 1e-3
        if not (scales and known) or values.get("rescale_offset"):
            raise StageError(
                f"{name}: rescale_factor: found {factor!r}"
                f"{'' if scales else ', with do_rescale false'}"
                f"{', with rescale_offset' if values.get('rescale_offset') else ''}; accepted: "
                "pixels that are divided by 255 before mean and deviation"
            )
        if not values.get("do_normalize", True):
            return cls((0.0,) * 3, (1.0,) * 3)
        mean, deviation = (_three(values, field, name) for field in ("image_mean", "image_std"))
        if min(deviation) < SMALLEST:
            raise StageError(f"{name}: image_std: found {[*deviation]}; accepted: {ACCEPTED}")
        return cls(mean, deviation)


def _three(values: Mapping[str, Any], field: str, name: str) -> tuple[float, ...]:
    given = values.get(field)
    numbers = [given] * 3 if isinstance(given, (int, float)) else given
    if not (
        isinstance(numbers, list)
        and len(numbers) == len(USUAL)
        and all(type(each) in (int, float) and abs(each) < 1e3 for each in numbers)
    ):
        raise StageError(f"{name}: {field}: found {str(given)[:80]}; accepted: {ACCEPTED}")
    return tuple(map(float, numbers))


def write_reader(pixels: Pixels, folder: Path, normalization: Normalization | None = None) -> None:
    """Write how pictures become numbers, for the image processors of transformers.

    They do what stage `pixels` and the batches do: resize (bilinear), crop the middle, scale.
    """
    of_model = normalization or Normalization()
    side = {"height": pixels.size, "width": pixels.size}
    scaled: dict[str, Any] = {
        "do_resize": True,
        "resample": 2,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": [*of_model.mean],
        "image_std": [*of_model.deviation],
        CHANNELS: pixels.channels,
    }
    kinds: Mapping[str, dict[str, Any]] = {
        "crop": {
            "image_processor_type": "CLIPImageProcessor",
            "size": {"shortest_edge": pixels.size},
            "do_center_crop": True,
            "crop_size": side,
            "do_convert_rgb": True,
        },
        "stretch": {"image_processor_type": "ViTImageProcessor", "size": side},
    }
    text = json.dumps(kinds[pixels.fit] | scaled, indent=2, sort_keys=True)
    (folder / READER).write_text(text + "\n", encoding="utf-8")


def is_written_here(folder: Path) -> bool:
    """Whether the file in the folder of a model is one that `write_reader` wrote."""
    values = read_foreign_json(folder / READER, f"{folder.name}: {READER}")
    return isinstance(values, dict) and CHANNELS in values


def read_pixels(folder: Path) -> Pixels:
    """How large the pictures of the model in a folder are, and what becomes of others.

    Raises:
        StageError: its file is missing, or does not say it in a way that is known here.
    """
    file = folder / READER
    if not file.is_file():
        raise StageError(f"{folder.name} has no {READER}, which says how large its pictures are")
    values = read_foreign_json(file, f"{folder.name}: {READER}")
    if not isinstance(values, dict):
        raise StageError(f"{folder.name}: {READER}: found no object; accepted: an image processor")
    size, crop = values.get("size", {}), values.get("crop_size", {})
    fit = "crop" if values.get("do_center_crop") else "stretch"
    given = crop if fit == "crop" else size
    side = given.get("height") if isinstance(given, dict) else None
    if side is None or side != given.get("width"):
        raise StageError(
            f"{folder.name}/{READER}: found {json.dumps(values)[:200]}; accepted: square pictures, "
            "cropped or stretched, with their height and width"
        )
    found = {"size": side, "channels": values.get(CHANNELS, 3), "fit": fit}
    try:
        return Pixels.model_validate(found)
    except ValidationError as error:
        first = error.errors()[0]
        raise StageError(
            f"{folder.name}: {READER}: {first['loc'][0]}: found {first['input']!r:.80}; accepted: "
            f"{first['msg'].removeprefix('Input should be ')}"
        ) from None
