"""The features of pictures, and the accuracy of the labels of their nearest neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from tasks.data.images.augmentation import to_tensor
from tasks.data.images.pixel_arrays import Pictures
from tasks.models.learning.nearest import share_of_nearest

AT_ONCE = 256  # pictures
PROBED = 2048  # pictures with labels to find the neighbour among


def pooled(model: Any, pixel_values: Tensor) -> Tensor:
    """[pictures, width] the features of a body: the mean over places.

    Of a convolutional one that is its pooled output; the pooler of a transformer is part of a head.

    Args:
        model: a model of transformers, with or without a head.
        pixel_values: [pictures, 3, height, width].
    """
    outputs = model.base_model(pixel_values=pixel_values)
    states: Tensor = outputs.last_hidden_state
    if states.ndim == 3:
        return states.mean(dim=1)
    given: Tensor = outputs.pooler_output
    return given.flatten(1)


@torch.no_grad()
def features(model: Any, pictures: Pictures) -> Tensor:
    """[pictures, width] the features of stored pictures, of length 1 and about their mean 0."""
    found = [
        pooled(model, to_tensor(pictures.pixels[at : at + AT_ONCE]).to(model.device)).float().cpu()
        for at in range(0, len(pictures), AT_ONCE)
    ]
    return torch.cat(found)


def probe(model: Any, known: Pictures, asked: Pictures) -> float:
    """The share of pictures whose nearest neighbour among known ones has their label."""
    given, wanted = features(model, known), features(model, asked)
    return share_of_nearest(given, known.labels, wanted, asked.labels)


def probed(pictures: Pictures, most: int = PROBED) -> Pictures:
    """Pictures with labels to probe with: at most so many, spread over all of them."""
    places = np.flatnonzero(pictures.labels >= 0)
    chosen = places[:: max(1, -(-len(places) // most))] if len(places) else places
    return Pictures(pictures.pixels[chosen], pictures.labels[chosen], pictures.names)
