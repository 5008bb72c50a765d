"""The metrics of a model in pre-training, and the warning if it has hardly learnt anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import nn
from transformers import PreTrainedModel

from tasks.contract import Monitor
from tasks.training.loop import Batch, Precision, autocast, device_name

# A model whose loss is not below the reference by this has learnt hardly anything: so many nats, or
# a share of a reference that is small itself.
PLATEAU, PLATEAU_SHARE = 0.1, 0.05
_HINT = {"text": " or model.initializer_range may help"}


class Measured(Protocol):
    """What is asked of an objective."""

    def measure(self, model: nn.Module, batch: Any) -> dict[str, tuple[float, int]]:
        """Metrics of a batch as a sum and a count."""


def report_plateau(
    metrics: Mapping[str, float],
    reference: tuple[str, str],
    monitor: Monitor,
    learnt_from: str = "text",
) -> None:
    """Warn if a model has hardly learnt more than its reference, such as the tokens' frequencies.

    Args:
        metrics: of the pre-training.
        reference: its name, and the metric.
        monitor: receives the warning, and the fact `plateau`.
        learnt_from: what is learnt from, for people.
    """
    name, metric = reference
    loss, known = metrics["validation_loss"], metrics.get(metric)
    if known is not None and loss > known - min(PLATEAU, PLATEAU_SHARE * known):
        monitor.note(plateau="true")
        monitor.warn(
            f"the loss on held-out {learnt_from} is {loss:.3f}, and {name} it is "
            f"{known:.3f}: the model has learnt hardly anything from the {learnt_from} yet, and "
            "fine-tuning from it may be worse than from random weights. More steps or another "
            "learning rate" + _HINT.get(learnt_from, " may help")
        )


def evaluate(
    objective: Measured, model: PreTrainedModel, batches: Sequence[Batch], precision: Precision
) -> dict[str, float]:
    """Metrics of a model that is not in training, on this machine's best device."""
    model.to(device_name()).eval()
    with torch.no_grad(), autocast(precision):
        return measure(objective, model, batches)


def measure(
    objective: Measured, model: PreTrainedModel, batches: Sequence[Batch]
) -> dict[str, float]:
    """Metrics of a model, each a mean over the batches."""
    sums: dict[str, tuple[float, int]] = {}
    for batch in batches:
        moved = {name: tensor.to(model.device) for name, tensor in batch.items()}
        for name, (value, count) in objective.measure(model, moved).items():
            total, counted = sums.get(name, (0.0, 0))
            sums[name] = total + value, counted + count
    return {name: total / max(1, counted) for name, (total, counted) in sums.items()}
