"""Segmenters of transformers: scores of labels at each pixel, or queries with a label and a mask.

MLflow copies this file into a model that it serves: it imports nothing of Temper.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from ..dense_head import resized

NOT_COUNTED = -100  # a label, as in transformers
LEAST = 1e-6  # score of a label at a pixel, so that it has a logarithm


class ScoredPixels:
    """Scores of labels, coarser than the picture: SegFormer's, UperNet's."""

    LOSS = "loss of the model's own head: cross-entropy of a pixel, nats"
    config: Any

    def forward(self, pixel_values: Tensor, labels: Tensor | None = None) -> Any:
        """`logits` [pictures, height, width, labels], and with labels the model's own `loss`.

        Args:
            pixel_values: [pictures, 3, height, width].
            labels: [pictures, height, width], NOT_COUNTED where nothing is known; the loss of a
                batch without a pixel that counts is 0.
        """
        model: Any = super()
        truth = None
        if labels is not None:
            ignored = ignored_by(self.config)
            truth = labels.where(labels != NOT_COUNTED, ignored)
        with whole_norms(self, len(pixel_values)):
            outputs = model.forward(pixel_values=pixel_values, labels=truth)
        scores = resized(outputs.logits, list(pixel_values.shape[2:]))
        loss = outputs.loss
        if labels is not None and not bool((labels != NOT_COUNTED).any()):
            loss = scores.sum() * 0
        return SimpleNamespace(logits=scores.permute(0, 2, 3, 1), loss=loss)


class MaskedByQueries:
    """Queries with a label and a mask each: Mask2Former's."""

    LOSS = "loss of the model's own head: classes and masks"
    config: Any

    def forward(self, pixel_values: Tensor, labels: Tensor | None = None) -> Any:
        """`logits` [pictures, height, width, labels], and with labels the model's own `loss`.

        The score of a label at a pixel is the sum over the queries of the probability of the label
        times that of the mask (Cheng et al., 2021, "Per-pixel classification is not all you need
        for semantic segmentation", section 3.4); a logit is its logarithm.

        Args:
            pixel_values: [pictures, 3, height, width].
            labels: [pictures, height, width], NOT_COUNTED where nothing is known: such a pixel is
                in no mask, as the model's own image processor has it.
        """
        model: Any = super()
        given = {} if labels is None else masks_of(labels)
        outputs = model.forward(pixel_values=pixel_values, **given)
        shares = outputs.class_queries_logits.float().softmax(-1)[..., :-1]
        masks = resized(
            outputs.masks_queries_logits.float(), list(pixel_values.shape[2:])
        ).sigmoid()
        scores = torch.einsum("pql,pqhw->phwl", shares, masks)
        return SimpleNamespace(logits=scores.clamp(min=LEAST).log(), loss=outputs.loss)


@contextmanager
def whole_norms(model: Any, pictures: int) -> Iterator[None]:
    """Have batch norms use their running statistics for one picture that is pooled to one place.

    A single value has no variance: torch refuses the last batch of an epoch if it is one picture.
    """
    modules = list(model.modules()) if pictures == 1 and model.training else []
    norms = [each for each in modules if isinstance(each, nn.BatchNorm2d) and each.training]

    def rest(norm: nn.Module, given: tuple[Tensor, ...]) -> None:
        norm.train(given[0].shape[2:].numel() > 1)

    hooks = [each.register_forward_pre_hook(rest) for each in norms]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
        for each in norms:
            each.train()


def ignored_by(config: Any) -> int:
    """The label that a model's own loss leaves out."""
    usual = getattr(config, "loss_ignore_index", 255)
    return int(getattr(config, "semantic_loss_ignore_index", usual))


def masks_of(labels: Tensor) -> dict[str, list[Tensor]]:
    """The labels of each picture, and the mask of each: float [labels, height, width]."""
    there = [each[each != NOT_COUNTED].unique() for each in labels]
    masks = [
        (each[None] == found[:, None, None]).float()
        for each, found in zip(labels, there, strict=True)
    ]
    return {"class_labels": there, "mask_labels": masks}
