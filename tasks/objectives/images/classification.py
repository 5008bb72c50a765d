"""Supervised pre-training: the label of each picture, as ResNet's own (He et al., 2016)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.data.results import Metric

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tasks.data.images.examples import Views
    from tasks.data.images.pixel_arrays import Pictures
    from tasks.experiment.images.training import ImagePretraining
    from tasks.training.microbatches import Batch

HEADS = ("classes",)
FIELDS = ("mixup",)
LABELLED = True
TOGETHER = False
TASK = "image-classification"
METRICS = {
    "validation_loss": Metric("loss on held-out pictures, nats", "nats", "lower"),
    "prior_loss": Metric("the same by the frequencies of the labels alone", "nats", "lower"),
    "label_accuracy": Metric("accuracy on held-out pictures", "share"),
    "probe_accuracy": Metric("labels by the nearest neighbour of the features", "share"),
}
TRAINING_LOSS = "label_loss"
REFERENCE = ("by frequency", "prior_loss")


def new_model(config: Any, seed: int, labels: Sequence[str]) -> Any:
    """A model with a head for the labels."""
    from transformers import AutoModelForImageClassification

    from tasks.models.images.building import new_model as build

    config.id2label = dict(enumerate(labels))
    config.label2id = {label: number for number, label in enumerate(labels)}
    return build(AutoModelForImageClassification, config, seed)


def examples(
    pictures: Pictures, pretraining: ImagePretraining, seed: int, *, varied: bool
) -> Views:
    """Pictures with their labels; where pictures are mixed, with shares of them."""
    from tasks.data.images.augmentation import Augmenter
    from tasks.data.images.examples import Views
    from tasks.data.images.mixing import Mixer

    if not varied:
        return Views(pictures)
    channels, settings = pictures.pixels.shape[-1], pretraining.augmentation
    mixer = Mixer(settings.mixup, seed, len(pictures.names)) if settings.mixup else None
    return Views(pictures, (Augmenter(settings, seed, channels=channels),), mixer=mixer)


def stored_model(model: Any) -> Any:
    """All of it."""
    return model


def losses(model: nn.Module, batch: Batch) -> dict[str, Tensor]:
    """Cross-entropy of the labels, in nats."""
    from torch.nn import functional

    logits = model(pixel_values=batch["pixel_values"]).logits.float()
    loss = functional.cross_entropy(logits, batch["labels"])
    return {"loss": loss, "label_loss": loss}


def counts(batch: Batch) -> dict[str, int]:
    """The pictures."""
    return {"label_loss": len(batch["labels"])}


def measure(model: nn.Module, batch: Batch) -> dict[str, tuple[float, int]]:
    """Loss and accuracy."""
    from torch.nn import functional

    logits = model(pixel_values=batch["pixel_values"]).logits.float()
    number = len(batch["labels"])
    loss = functional.cross_entropy(logits, batch["labels"], reduction="sum")
    right = (logits.argmax(-1) == batch["labels"]).sum()
    return {"validation_loss": (float(loss), number), "label_accuracy": (float(right), number)}


def derive(measured: Mapping[str, float], train: Pictures, held_out: Pictures) -> dict[str, float]:
    """The loss of answering with the frequencies of the labels in training, each counted once."""
    counts = np.bincount(train.labels, minlength=len(train.names)) + 1.0
    logs = np.log(counts / counts.sum())
    return {"prior_loss": -math.fsum(logs[held_out.labels]) / len(held_out)}
