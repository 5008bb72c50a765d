"""Detectors of transformers: each query answers with a label and a box.

MLflow copies this file into a model that it serves: it imports nothing of Temper.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

MOST = 100  # objects in a picture, as COCO counts


class FoundByQueries:
    """What a detector of transformers answers with; its class of transformers comes behind it."""

    LOSS = "loss of the model's own head: classes and boxes of an object"
    config: Any

    def objects(self, pixel_values: Tensor) -> Tensor:
        """[pictures, MOST, 6] score, label, left, top, right, bottom, the surest first, in pixels.

        Where there are fewer objects, the score is 0. Pictures are read one at a time, so that
        answers do not depend on those beside them.

        Args:
            pixel_values: [pictures, 3, height, width].
        """
        found = [self._one(one) for one in pixel_values[:, None]]
        return torch.cat([each for each, _ in found])

    def objects_and_losses(self, pixel_values: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """The objects, and the loss of each picture, of shape [pictures].

        Args:
            pixel_values: [pictures, 3, height, width].
            labels: [pictures, boxes, 5] label, left, top, right, bottom in pixels; a label below 0
                is no box.
        """
        pairs = zip(pixel_values[:, None], labels[:, None], strict=True)
        found = [self._one(one, truth) for one, truth in pairs]
        return torch.cat([each for each, _ in found]), torch.stack([loss for _, loss in found])

    def batch_loss(self, pixel_values: Tensor, labels: Tensor) -> Tensor:
        """The loss of a batch, as transformers computes it: a mean over its objects."""
        model: Any = self
        loss: Tensor = model(
            pixel_values=pixel_values, labels=targets(labels, pixel_values.shape[2:])
        ).loss
        return loss.float()

    def _one(self, pixels: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Any]:
        """The objects of one picture, [1, MOST, 6], and its loss if its labels are given."""
        model: Any = self
        size = pixels.shape[2:]
        given = {} if labels is None else {"labels": targets(labels, size)}
        outputs = model(pixel_values=pixels, **given)
        loss = None if labels is None else outputs.loss.float()
        number = int(self.config.num_labels)
        return answers(outputs.logits.float(), outputs.pred_boxes.float(), number, size), loss


def targets(labels: Tensor, size: torch.Size) -> list[dict[str, Tensor]]:
    """The boxes of each picture as transformers reads them: middle and size, as shares of it."""
    scale = labels.new_tensor([size[1], size[0]])
    found = []
    for rows in labels:
        boxes = rows[rows[:, 0] >= 0]
        low, high = boxes[:, 1:3] / scale, boxes[:, 3:] / scale
        placed = torch.cat([(low + high) / 2, high - low], dim=1)
        found.append({"class_labels": boxes[:, 0].long(), "boxes": placed})
    return found


def answers(logits: Tensor, boxes: Tensor, labels: int, size: torch.Size) -> Tensor:
    """[pictures, MOST, 6] the surest objects among the answers of queries.

    With an output more than labels ("no object"), a query has one label (Carion et al., 2020,
    section 4); else each label of a query is an answer of its own (Zhu et al., 2021).

    Args:
        logits: [pictures, queries, labels or labels + 1].
        boxes: [pictures, queries, 4] middle and size, as shares of the picture.
        labels: how many there are.
        size: height and width of the picture, in pixels.
    """
    if logits.shape[-1] > labels:
        shares = logits.softmax(-1)[..., :labels]
        best = shares.argmax(-1, keepdim=True)
        shares = torch.zeros_like(shares).scatter(-1, best, shares.gather(-1, best))
    else:
        shares = logits.sigmoid()
    count = min(MOST, shares.shape[1] * labels)
    scores, places = shares.flatten(1).topk(count, dim=1)
    query = (places // labels)[..., None].expand(-1, -1, 4)
    middle, sides = boxes.gather(1, query).split(2, dim=-1)
    limits = boxes.new_tensor([size[1], size[0]])
    low, high = (
        torch.minimum((each * limits).clamp(min=0), limits)
        for each in (middle - sides / 2, middle + sides / 2)
    )
    numbered = [scores[..., None], (places % labels)[..., None].to(scores.dtype), low, high]
    return functional.pad(torch.cat(numbered, dim=-1), (0, 0, 0, MOST - count))
