"""The model that a fine-tuning on pictures begins with: a backbone with a head of ours, or whole.

A published model of `tasks/families/published` has a head of its own, which is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel

from tasks.contract import Monitor
from tasks.data.notices import Notices
from tasks.models.depths import is_body_frozen
from tasks.models.files import configuration_of
from tasks.models.images import published
from tasks.models.images.building import load_body, new_classifier
from tasks.models.images.computation import image_computation
from tasks.problems import Problem
from tasks.training.computation import Computation
from tasks.training.microbatches import Batch


def new_model(
    kind: Problem, architecture: Path, labels: Sequence[str], dropout: float, seed: int
) -> PreTrainedModel:
    """A model for these labels with random weights, which depend on the seed alone.

    Args:
        kind: the problem.
        architecture: folder with the configuration of the model, and how large its pictures are.
        labels: its answers.
        dropout: probability in training.
        seed: of the weights.
    """
    given = configuration_of(architecture, architecture.name)["model_type"]
    build = published.new_model if published.has_own_head(given) else new_classifier
    return build(kind, architecture, labels, dropout, seed)


def load(
    model: PreTrainedModel, kind: Problem, body: Path, labels: Sequence[str], monitor: Monitor
) -> None:
    """Replace the weights by those of the model in a folder, as far as that has them.

    Args:
        model: of `new_model`.
        kind: the problem.
        body: the folder.
        labels: the model's.
        monitor: receives a notice of the labels whose weights stay random in a head that is kept.

    Raises:
        StageError: a weight is missing, or of another shape.
    """
    if not published.has_own_head(model.config.model_type):
        load_body(model, body)
        return
    notices = Notices()
    published.load_weights(model, kind, body, labels, notices)
    notices.report(monitor)


def computation(
    model: Any,
    batch: Batch,
    *,
    counts: Callable[[Batch], dict[str, int]],
    micro_batch_size: int,
) -> Computation:
    """How to compute the steps of a training with batches like this one.

    Args:
        model: that is trained.
        batch: one of the training.
        counts: the count that each addend of the loss is a mean over in a batch, by its name.
        micro_batch_size: pictures computed at once; 0: all.
    """
    if published.has_own_head(model.config.model_type):
        return published.computation(model, batch, counts=counts, micro_batch_size=micro_batch_size)
    return image_computation(
        model,
        batch,
        counts=counts,
        micro_batch_size=micro_batch_size,
        frozen=is_body_frozen(model),
    )
