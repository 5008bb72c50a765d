"""Masked image modelling: SimMIM (Xie et al., 2022, sections 3.1 to 3.4).

Some squares of a picture are hidden: their patches are replaced by a learnt token, and their pixels
are predicted by one linear layer; the loss is the mean absolute error of the hidden pixels, which
run from -1 to 1. A square is a patch, or, in a model that merges patches, what one of its last
states is of. Which are hidden is a function of seed, epoch and index.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tasks.data.results import Metric

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tasks.data.images.hidden_patches import HiddenPatches
    from tasks.data.images.pixel_arrays import Pictures
    from tasks.experiment.images.training import ImagePretraining
    from tasks.training.microbatches import Batch

HEADS = ("patches",)
FIELDS = ("masking_share",)
LABELLED = False
TOGETHER = False
TASK = ""
METRICS = {
    "validation_loss": Metric("error of hidden pixels, from -1 to 1", "number", "lower"),
    "mean_loss": Metric("the same by the mean picture", "number", "lower"),
    "probe_accuracy": Metric("labels by the nearest neighbour of the features", "share"),
}
TRAINING_LOSS = "pixel_loss"
REFERENCE = ("by the mean picture", "mean_loss")
MOST = 2048  # pictures that the reference is measured on


def new_model(config: Any, seed: int, labels: Sequence[str]) -> Any:
    """A model with a layer that predicts pixels."""
    from transformers import AutoModelForMaskedImageModeling

    from tasks.models.images.building import new_model as build

    return build(AutoModelForMaskedImageModeling, config, seed)


def examples(
    pictures: Pictures, pretraining: ImagePretraining, seed: int, *, varied: bool
) -> HiddenPatches:
    """Pictures with some patches hidden."""
    from tasks.data.images.augmentation import Augmenter
    from tasks.data.images.examples import Views
    from tasks.data.images.hidden_patches import HiddenPatches

    channels = pictures.pixels.shape[-1]
    augmenter = Augmenter(pretraining.augmentation, seed, channels=channels)
    views = Views(pictures, (augmenter,) if varied else ())
    return HiddenPatches(views, pretraining.masking_share, seed)


def stored_model(model: Any) -> Any:
    """All of it."""
    return model


def losses(model: nn.Module, batch: Batch) -> dict[str, Tensor]:
    """The mean absolute error of the hidden pixels."""
    loss = _loss(model, batch)
    return {"loss": loss, "pixel_loss": loss}


def _loss(model: nn.Module, batch: Batch) -> Tensor:
    from accelerate.utils import extract_model_from_parallel

    from tasks.data.images.hidden_patches import hidden

    own: Any = extract_model_from_parallel(model, keep_torch_compile=False)
    config = own.config
    size, patch, square = config.image_size, config.patch_size, config.encoder_stride
    rows = size // square
    places = hidden(batch, rows**2)
    if square != patch:  # each patch of a hidden square
        squares, times = places.unflatten(1, (rows, rows)), square // patch
        places = squares.repeat_interleave(times, 1).repeat_interleave(times, 2).flatten(1)
    found: Tensor = model(pixel_values=batch["pixel_values"], bool_masked_pos=places).loss
    return found.float()


def counts(batch: Batch) -> dict[str, int]:
    """The pictures: as many patches are hidden in each."""
    return {"pixel_loss": len(batch["pixel_values"])}


def measure(model: nn.Module, batch: Batch) -> dict[str, tuple[float, int]]:
    """The error of the hidden pixels."""
    number = len(batch["pixel_values"])
    return {"validation_loss": (number * float(_loss(model, batch)), number)}


def derive(measured: Mapping[str, float], train: Pictures, held_out: Pictures) -> dict[str, float]:
    """The error of answering with the mean of the training pictures, place by place."""
    from tasks.data.images.augmentation import to_tensor

    mean = to_tensor(train.first(MOST).pixels).mean(dim=0)
    apart = (to_tensor(held_out.first(MOST).pixels) - mean).abs().mean()
    return {"mean_loss": float(apart)}
