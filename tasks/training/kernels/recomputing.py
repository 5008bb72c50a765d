"""Gradient checkpointing: layers are computed again in the backward pass, instead of kept.

Chen et al. 2016, "Training deep nets with sublinear memory cost". Only what enters a layer is kept,
for one more forward pass a step. The numbers of dropout are drawn again as they were, so that
losses and weights are the same to the bit where a batch is computed in the same parts.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn
from transformers import PreTrainedModel

from tasks.contract import StageError


@contextmanager
def recomputed(model: nn.Module) -> Iterator[None]:
    """Have the layers of a model recomputed while the block runs.

    Raises:
        StageError: transformers does not do it for this model.
    """
    parts = [part for part in model.modules() if isinstance(part, PreTrainedModel)]
    # Not the whole alone: pre-training on pictures has a model of transformers inside its own.
    for part in parts:
        if not part.supports_gradient_checkpointing:
            raise StageError(
                f"gradient_checkpointing: found true, but the layers of a {type(part).__name__} "
                "are not recomputed; accepted with it: false"
            )
    caching = [part for part in parts if getattr(part.config, "use_cache", False)]
    for part in caching:  # of what a model has written, which a training does not read
        part.config.use_cache = False
    for part in parts:
        part.activation_checkpointing_enable({"use_reentrant": False})
        # It has the embeddings require gradients, for which frozen layers would be passed back.
        part.disable_input_require_grads()
    try:
        yield
    finally:
        for part in parts:
            part.activation_checkpointing_disable()
        for part in caching:
            part.config.use_cache = True
