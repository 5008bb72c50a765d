"""The loss of objects as points (Zhou et al., 2019, "Objects as points", section 3).

MLflow copies this file into a model that it serves: it imports nothing of Temper.

The heat of a label is to be 1 in the cell with the middle of an object, and falls off around it as
a Gaussian that is as wide as the box is (Liu et al., 2020, "Training-time-friendly network for
real-time object detection", section 3.2). Offset and size count in the cell of the middle alone.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from ..dense_head import STRIDE

WIDE = 0.54 / 6  # the deviation of the Gaussian, as a share of the box; of the paper
NARROWEST = 0.35  # cells
TRUE_POWER, NEAR_POWER = 2, 4  # of the focal loss


def loss_of(cells: Tensor, labels: Tensor) -> Tensor:
    """[pictures] the sum of the losses of each picture, not yet divided by its objects.

    Args:
        cells: [pictures, labels + 4, rows, columns], of the model, in fp32.
        labels: [pictures, boxes, 5] label, left, top, right, bottom in pixels of the square; a
            label below 0 is no box.
    """
    number = cells.shape[1] - 4
    heat, places = targets(labels, number, *cells.shape[2:])
    logits = cells[:, :number]
    share, is_true = logits.sigmoid(), heat == 1
    true = (1 - share) ** TRUE_POWER * functional.softplus(-logits)
    other = (1 - heat) ** NEAR_POWER * share**TRUE_POWER * functional.softplus(logits)
    found: Tensor = torch.where(is_true, true, other).flatten(1).sum(1)
    picture, box, row, column = places
    given = cells[picture, number:, row, column]
    corners = labels[picture, box, 1:] / STRIDE
    middle = (corners[:, :2] + corners[:, 2:]) / 2
    offset = middle - torch.stack([column, row], dim=1) - 0.5
    size = (corners[:, 2:] - corners[:, :2]).clamp(min=1e-3).log()
    apart = (given - torch.cat([offset, size], dim=1)).abs().sum(1)
    return found.index_add(0, picture, apart)


def targets(
    labels: Tensor, number: int, rows: int, columns: int
) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor, Tensor]]:
    """The heats to learn, [pictures, number, rows, columns], and where the objects are.

    Where: the picture, the box in it, the row and the column of the cell of its middle.
    """
    heat = labels.new_zeros(len(labels), number, rows, columns)
    picture, box = (labels[..., 0] >= 0).nonzero(as_tuple=True)
    corners = labels[picture, box, 1:] / STRIDE
    label = labels[picture, box, 0].long()
    middle = (corners[:, :2] + corners[:, 2:]) / 2
    column = middle[:, 0].long().clamp(0, columns - 1)
    row = middle[:, 1].long().clamp(0, rows - 1)
    deviation = (WIDE * (corners[:, 2:] - corners[:, :2])).clamp(min=NARROWEST)
    across = torch.arange(columns, device=labels.device) - column[:, None]
    down = torch.arange(rows, device=labels.device) - row[:, None]
    x = torch.exp(-(across**2) / (2 * deviation[:, :1] ** 2))
    y = torch.exp(-(down**2) / (2 * deviation[:, 1:] ** 2))
    spread = y[:, :, None] * x[:, None, :]
    for one, (where, which) in zip(spread, zip(picture, label, strict=True), strict=True):
        heat[where, which] = torch.maximum(heat[where, which], one)
    return heat, (picture, box, row, column)
