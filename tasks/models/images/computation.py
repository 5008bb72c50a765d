"""How to compute the steps of a training on pictures, and their cost.

Operations are counted in one forward pass without numbers (on the device `meta`), so that a family
needs no formula of its own.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from tasks.contract import StageError
from tasks.data.images.examples import PIXELS, UNIT, rows
from tasks.training import flops
from tasks.training.computation import Computation
from tasks.training.microbatches import Batch, Splitting, split_rows


def image_computation(
    model: Any,
    batch: Batch,
    *,
    counts: Callable[[Batch], dict[str, int]],
    micro_batch_size: int,
    frozen: bool = False,
) -> Computation:
    """How to compute steps with batches of pictures like this one.

    Args:
        model: of transformers, that reads `pixel_values`.
        batch: one of the training.
        counts: the count that each addend of the loss is a mean over in a batch, by its name.
        micro_batch_size: pictures computed at once; 0: all, since a batch norm sees them together.
        frozen: the backbone learns nothing, so that it has no backward pass.

    Raises:
        StageError: a picture would be computed alone, and the model has batch norms.
    """
    _require_two(model, rows(batch), micro_batch_size)
    of_one = forward_flops(model, batch)
    step = of_one if frozen else flops.of_step(of_one)
    return of_pictures(step, counts=counts, micro_batch_size=micro_batch_size)


def of_pictures(
    step: float, *, counts: Callable[[Batch], dict[str, int]], micro_batch_size: int
) -> Computation:
    """The same for a model whose step takes `step` operations a picture."""
    split = Splitting(rows=micro_batch_size, automatic=False, split=split_rows, counts=counts)
    return Computation(
        rows=rows,
        slots=rows,
        filled=rows,
        unit=UNIT,
        splitting=split if micro_batch_size else None,
        flops=lambda given: step * rows(given),
    )


def _require_two(model: Any, size: int, micro_batch_size: int) -> None:
    parts = -(-size // micro_batch_size) if micro_batch_size else 1
    smallest = size // parts
    if smallest < 2 and any(isinstance(part, nn.BatchNorm2d) for part in model.modules()):
        raise StageError(
            f"of a batch of {size} pictures in {parts} parts, one would be computed alone, but the "
            "batch norms of this model compare pictures: at least 2 are needed at once. Raise "
            "batch_size, micro_batch_size or train_examples"
        )


def forward_flops(model: Any, batch: Batch) -> float:
    """Operations of a forward pass with one picture."""
    shape = (1, *batch[PIXELS].shape[1:])
    bare = copy.deepcopy(model).to("meta").eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        bare(pixel_values=torch.empty(shape, device="meta"))
    return float(counter.get_total_flops())
