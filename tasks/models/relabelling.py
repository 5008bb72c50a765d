"""A model asked for other labels than it was made for: in another order, fewer, or more."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import torch

NEVER = -1e4  # the logit of a label that a model does not know


def every_label(asked: Sequence[str], known: Sequence[Sequence[str]]) -> list[str]:
    """The labels of the data, then those that only a model knows."""
    return list(dict.fromkeys([*asked, *(label for labels in known for label in labels)]))


def relabelled(model: Any, known: Sequence[str], labels: Sequence[str]) -> Any:
    """A model that answers these labels; the model itself where it does, or the data have none."""
    return Relabelled(model, known, labels) if labels and list(known) != list(labels) else model


class Relabelled(torch.nn.Module):
    """A model as if it had been made for these labels."""

    def __init__(self, model: Any, known: Sequence[str], labels: Sequence[str]) -> None:
        super().__init__()
        self.model, self.config, self.labels = model, model.config, len(labels)
        self.place = [labels.index(label) for label in known]

    @property
    def device(self) -> Any:
        """Where the model is."""
        return self.model.device

    def forward(self, **batch: torch.Tensor) -> SimpleNamespace:
        """The logits, in the order of the labels."""
        scores = self.model(**batch).logits
        logits = scores.new_full((*scores.shape[:-1], self.labels), NEVER)
        logits[..., self.place] = scores
        return SimpleNamespace(logits=logits)
