"""Gradient accumulation: computing a batch in parts if it is too large to be computed at once.

An optimizer step still sees its whole batch. The rows are split into micro-batches, each with its
own backward pass. Each addend of the loss is weighted by its share of the count of the whole batch
(hidden tokens, pairs, rows), so the sums of the losses and gradients are those of the whole batch,
not a mean of means. The mathematics are the same; the last bits differ, as on another processor,
and dropout draws other numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

Batch = dict[str, "Tensor"]
Weights = Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Splitting:
    """How a batch is computed in parts.

    Attributes:
        rows: rows at once, at most.
        automatic: `rows` was chosen automatically; a resumed training keeps its first choice.
        split: splits a batch into parts with a limit of rows.
        counts: the count that each addend of the loss is a mean over in a batch, by its name.
    """

    rows: int
    automatic: bool
    split: Callable[[Batch, int], list[Batch]]
    counts: Callable[[Batch], dict[str, int]]

    def parts(self, batch: Batch, rows: int) -> list[tuple[Batch, Weights | None]]:
        """The parts of a batch, with the weights of their losses.

        A batch that is computed at once is one part, without weights. A part without anything to
        count is left out, since its loss is empty.
        """
        if rows <= self.rows:
            return [(batch, None)]
        whole = self.counts(batch)
        parts: list[tuple[Batch, Weights | None]] = []
        for part in self.split(batch, self.rows):
            counted = self.counts(part)
            weights = {name: counted[name] / whole[name] for name in whole if counted[name]}
            if weights:
                parts.append((part, weights))
        return parts or [(batch, None)]

    def keeping(self, rows: int) -> Splitting:
        """The same with another number of rows at once."""
        return replace(self, rows=rows)


def split_rows(batch: Batch, rows: int) -> list[Batch]:
    """Parts of about equally many rows, at most `rows`; the first axis of tensors is the rows."""
    number = -(-len(next(iter(batch.values()))) // rows)
    cut = {name: tensor.tensor_split(number) for name, tensor in batch.items()}
    return [{name: pieces[part] for name, pieces in cut.items()} for part in range(number)]


def weighed(losses: Mapping[str, Tensor], weights: Weights) -> dict[str, Tensor]:
    """The addends of a part's losses to those of the whole batch."""
    addends = {name: losses[name] * weight for name, weight in weights.items()}
    return addends | {"loss": sum(addends.values(), start=losses["loss"].new_zeros(()))}
