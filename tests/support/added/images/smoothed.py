"""Labels that are smoothed, as somebody would add it: in one file of `objectives/images`."""

from __future__ import annotations

from typing import Any

from tasks.data.results import Metric
from tasks.objectives.images import classification

HEADS = ("classes",)
FIELDS = ()
LABELLED = True
TOGETHER = False
TASK = "image-classification"
METRICS = classification.METRICS | {
    "validation_loss": Metric("loss beside smoothed labels, nats", "nats", "lower")
}
TRAINING_LOSS = "smoothed_loss"
REFERENCE = classification.REFERENCE

new_model, examples = classification.new_model, classification.examples
stored_model, measure, derive = (
    classification.stored_model,
    classification.measure,
    classification.derive,
)


def losses(model: Any, batch: Any) -> dict[str, Any]:
    from torch.nn import functional

    logits = model(pixel_values=batch["pixel_values"]).logits.float()
    loss = functional.cross_entropy(logits, batch["labels"], label_smoothing=0.1)
    return {"loss": loss, "smoothed_loss": loss}


def counts(batch: Any) -> dict[str, int]:
    return {"smoothed_loss": len(batch["labels"])}
