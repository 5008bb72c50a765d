"""Contrastive pre-training without labels: SimCLR (Chen et al., 2020, section 2).

Each picture is varied twice. Of a batch of n pictures, a view has to find the other view of its
picture among the 2n - 1 other views, by the cosine of the angle between their projections (the
NT-Xent loss, equation 1). The projection is thrown away afterwards: features from before it are
better (section 4.2 of the paper).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tasks.data.results import Metric

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tasks.data.images.examples import Views
    from tasks.data.images.pixel_arrays import Pictures
    from tasks.experiment.images.training import ImagePretraining
    from tasks.training.microbatches import Batch

HEADS = ("views",)
FIELDS = ("temperature",)
LABELLED = False
TOGETHER = True
TASK = ""
METRICS = {
    "validation_loss": Metric("loss of finding the other view, nats", "nats", "lower"),
    "chance_loss": Metric("the same by chance", "nats", "lower"),
    "view_accuracy": Metric("other views of held-out pictures that are found", "share"),
    "probe_accuracy": Metric("labels by the nearest neighbour of the features", "share"),
}
TRAINING_LOSS = "view_loss"
REFERENCE = ("by chance", "chance_loss")
TEMPERATURE = "temperature"  # of a batch: how much similarities count


def new_model(config: Any, seed: int, labels: Sequence[str]) -> Any:
    """A backbone with a projection of two layers."""
    from tasks.models.images.two_views import TwoViews

    return TwoViews.new(config, seed)


def examples(
    pictures: Pictures, pretraining: ImagePretraining, seed: int, *, varied: bool
) -> Views:
    """Pictures in two views, each varied on its own."""
    from tasks.data.images.augmentation import Augmenter
    from tasks.data.images.examples import Views

    channels = pictures.pixels.shape[-1]
    both = (Augmenter(pretraining.augmentation, seed, view, channels) for view in range(2))
    return Views(pictures, tuple(both), {TEMPERATURE: pretraining.temperature})


def stored_model(model: Any) -> Any:
    """The backbone alone."""
    return model.body


def losses(model: nn.Module, batch: Batch) -> dict[str, Tensor]:
    """The mean cross-entropy of finding the other view, in nats."""
    from torch.nn import functional

    similar, other = similarities(model, batch)
    loss = functional.cross_entropy(similar, other)
    return {"loss": loss, "view_loss": loss}


def similarities(model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
    """[2n, 2n] the logits of each view for each other one, and [2n] which is the right one."""
    import torch
    from torch.nn import functional

    number = len(batch["pixel_values"])
    both = torch.cat([batch["pixel_values"], batch["views"]])
    found = functional.normalize(model(pixel_values=both).float(), dim=1)
    similar = found @ found.T / batch[TEMPERATURE]
    itself = torch.eye(2 * number, dtype=torch.bool, device=similar.device)
    other = torch.arange(2 * number, device=similar.device).roll(number)
    return similar.masked_fill(itself, -math.inf), other


def counts(batch: Batch) -> dict[str, int]:
    """The views."""
    return {"view_loss": 2 * len(batch["pixel_values"])}


def measure(model: nn.Module, batch: Batch) -> dict[str, tuple[float, int]]:
    """Loss, also by chance, and how many views are found."""
    from torch.nn import functional

    similar, other = similarities(model, batch)
    number = len(other)
    loss = functional.cross_entropy(similar, other, reduction="sum")
    return {
        "validation_loss": (float(loss), number),
        "chance_loss": (number * math.log(max(1, number - 1)), number),
        "view_accuracy": (float((similar.argmax(1) == other).sum()), number),
    }


def derive(measured: Mapping[str, float], train: Pictures, held_out: Pictures) -> dict[str, float]:
    """None."""
    return {}
