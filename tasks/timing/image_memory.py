"""Whether a step on pictures fits into the memory of this machine, before one is computed.

A batch of pictures is computed at once, since a batch norm sees them together; so the values that
a forward pass keeps for the backward pass have to fit. They grow with the number of pictures: two
forward passes, of two and of four, tell by how much.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from tasks.contract import StageError
from tasks.experiment.images.problem import ImageTuning
from tasks.experiment.images.training import ImagePretraining
from tasks.machinery.host.space import human
from tasks.timing.fitting import copies_of, room_here, why_no_room
from tasks.training.loop import autocast

FEW, MORE = 2, 4  # pictures: a batch norm compares two at least


def require_room(
    model: Any,
    loss: Callable[[int], Tensor],
    training: ImagePretraining | ImageTuning,
    *,
    at_once: int,
    in_parts: bool = True,
) -> None:
    """Check that the memory has room for the weights, and for a step.

    Args:
        model: of transformers, on the processor.
        loss: of the first pictures of the training, so many.
        training: how to train.
        at_once: pictures that are computed at once.
        in_parts: whether a batch can be computed in parts.

    Raises:
        StageError: it has not; with what would fit.
    """
    weights, copies = sum(part.numel() for part in model.parameters()), copies_of(training)
    if problem := why_no_room(weights, copies):
        raise StageError(problem)
    each = bytes_of_picture(model, loss, training)
    (room, total), kept = room_here(), 4 * copies * weights
    if kept + each * at_once <= room:
        return
    most = int((room - kept) // each)
    field = "micro_batch_size" if in_parts else "batch_size"
    fitting = f"set {field} to at most {most:,}" if most >= FEW else "use a smaller model"
    raise StageError(
        f"does not fit: {at_once:,} pictures at once take about {human(int(each * at_once))} "
        f"beside the weights, and a training may use {human(room)} of the {human(total)} here; "
        f"{fitting}"
    )


def bytes_of_picture(
    model: Any, loss: Callable[[int], Tensor], training: ImagePretraining | ImageTuning
) -> float:
    """Bytes that a forward pass keeps for each picture; the other arguments are as above."""
    model.train()
    few, more = (_kept(model, loss, count, training) for count in (FEW, MORE))
    return max(1.0, (more - few) / (MORE - FEW))


def _kept(
    model: Any,
    loss: Callable[[int], Tensor],
    count: int,
    training: ImagePretraining | ImageTuning,
) -> int:
    """Bytes that a forward pass keeps for the backward pass, without the weights."""
    own = {part.untyped_storage().data_ptr() for part in model.parameters()}
    found: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            found[storage.data_ptr()] = storage.nbytes()
        return tensor

    with saved_tensors_hooks(keep, lambda tensor: tensor), autocast(training.precision):
        loss(count)
    return sum(found.values())
