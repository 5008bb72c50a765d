"""Models that read pictures: from random weights, or from those of a pre-trained one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModel, PreTrainedModel

from tasks.contract import StageError
from tasks.data.images.augmentation import MIDDLE, SPREAD
from tasks.experiment.images.pictures import Pixels
from tasks.families import images as families
from tasks.models.bodies import answers_of, read_configuration
from tasks.models.files import READER, configuration_of
from tasks.problems import Problem

CHANNELS = "temper_channels"  # a field of our own in it: 1 where colours are not looked at


def new_model(auto_model: Any, config: Any, seed: int) -> PreTrainedModel:
    """A model in fp32 with random weights that depend on the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model: PreTrainedModel = auto_model.from_config(
            config, trust_remote_code=False, dtype=torch.float32
        )
    return in_layout(model)


def in_layout(model: PreTrainedModel) -> PreTrainedModel:
    """The model with its weights in the layout in which its convolutions are fastest."""
    if families.load(model.config.model_type).CHANNELS_LAST:
        model.to(memory_format=torch.channels_last)
    return model


def new_classifier(
    kind: Problem, architecture: Path, labels: Sequence[str], dropout: float, seed: int
) -> PreTrainedModel:
    """A model with a head for these labels; its weights depend on the seed alone."""
    given = configuration_of(architecture, architecture.name)
    family = families.load(given["model_type"])
    config = read_configuration(architecture, **answers_of(kind, labels), **family.dropout(dropout))
    return new_model(kind.AUTO_MODEL, config, seed)


def load_body(model: PreTrainedModel, body: Path) -> None:
    """Replace all weights of the backbone, and the statistics of its norms, by pre-trained ones.

    Raises:
        StageError: a weight is missing, or of another shape.
    """
    given = AutoModel.from_pretrained(body, local_files_only=True, dtype=torch.float32)
    found, wanted = given.state_dict(), model.base_model.state_dict()
    wrong = sorted(n for n, t in wanted.items() if n not in found or found[n].shape != t.shape)
    if wrong:
        raise StageError(
            f"the weights in {body.name}/ are not those of this model: {len(wrong)} of "
            f"{len(wanted)} are missing or of another shape ({wrong[0]}, …). Use the weights and "
            "the architecture of the same pre-training"
        )
    model.base_model.load_state_dict({name: found[name] for name in wanted})


def write_reader(pixels: Pixels, folder: Path) -> None:
    """Write how pictures become numbers, for the image processors of transformers.

    They do what stage `pixels` and `to_tensor` do: resize (bilinear), crop the middle, scale to
    numbers from -1 to 1.
    """
    side = {"height": pixels.size, "width": pixels.size}
    scaled: dict[str, Any] = {
        "do_resize": True,
        "resample": 2,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": [MIDDLE / 255] * 3,
        "image_std": [SPREAD / 255] * 3,
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


def read_pixels(folder: Path) -> Pixels:
    """How pictures become numbers, from the folder of a model.

    Raises:
        StageError: its file is missing, or does not say it in a way that is known here.
    """
    file = folder / READER
    if not file.is_file():
        raise StageError(f"{folder.name} has no {READER}, which says how large its pictures are")
    values = json.loads(file.read_text(encoding="utf-8"))
    size, crop = values.get("size", {}), values.get("crop_size", {})
    fit = "crop" if values.get("do_center_crop") else "stretch"
    side = crop.get("height") if fit == "crop" else size.get("height")
    means = values.get("image_mean"), values.get("image_std")
    if side is None or means != ([MIDDLE / 255] * 3, [SPREAD / 255] * 3):
        raise StageError(
            f"{folder.name}/{READER}: found {json.dumps(values)[:200]}; accepted: square pictures, "
            "cropped or stretched, with a mean and a deviation of 0.5"
        )
    return Pixels.model_validate({"size": side, "channels": values.get(CHANNELS, 3), "fit": fit})
