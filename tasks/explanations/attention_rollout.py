"""How much attention reaches each part through all layers.

Abnar and Zuidema 2020, "Quantifying attention flow in transformers", ACL, section 3: the mean over
heads, half of it the residual connection, multiplied over the layers. It has no sign, and is the
same for every answer: it shows where a model looks, not what speaks for its answer. Of a text in
windows, each has the same share.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.contract import StageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tasks.models.explaining.subject import RowInParts, Subject

NEEDS: tuple[str, ...] = ("attention",)
LIBRARIES: tuple[str, ...] = ()
WORDS = "attention rollout (Abnar and Zuidema 2020)"
COMPLETE = False


def attribute(subject: Subject, row: RowInParts) -> NDArray[np.float64]:
    """The share of attention that the place which the head reads gets from each part."""
    import torch

    layers = subject.attentions(row.inputs)
    places = layers[0].shape[-1] if layers else 0
    passes = subject.passes(row)
    # Inputs, and places by places: windows of a picture would be further inputs.
    whole = (passes, places, places)
    if not layers or any((len(each), *each.shape[2:]) != whole for each in layers):
        raise StageError(
            "attention-rollout needs a model with attention over all places, and this one has none "
            "or attends within windows; accepted with it: integrated-gradients, occlusion"
        )
    own = torch.eye(places, device=layers[0].device)
    through = own.expand(passes, places, places)
    for each in layers:
        mixed = 0.5 * each.float().mean(dim=1) + 0.5 * own
        through = (mixed / mixed.sum(dim=-1, keepdim=True)) @ through
    found = subject.in_parts(row, subject.of_places(row, subject.as_read(row, through)))
    return row.direction * found  # without a sign, so taken to speak for the answer
