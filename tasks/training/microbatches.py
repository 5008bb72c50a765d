"""A batch that is too large to be computed at once is computed in parts: gradient accumulation.

What an optimizer step sees stays the batch of its number. Its rows are cut into micro-batches, each
with a backward pass of its own. Each addend of the loss is weighed by its share of what the *whole*
batch counts (hidden tokens, pairs, rows): the sums of the losses and of the gradients are those of
the whole batch, not a mean of means. The same mathematics; the last bits differ, as they do on
another processor, and dropout draws other numbers.
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
        automatic: nobody stated them: a training that goes on keeps those that it began with.
        split: cuts a batch into parts of so many rows at most.
        counts: what each addend of the loss is a mean over in a batch, by its name.
    """

    rows: int
    automatic: bool
    split: Callable[[Batch, int], list[Batch]]
    counts: Callable[[Batch], dict[str, int]]

    def parts(self, batch: Batch, rows: int) -> list[tuple[Batch, Weights | None]]:
        """The parts of a batch of so many rows, with the weights of their losses.

        A batch that is computed at once is one part, without weights.

        A part in which nothing is counted is left out: it teaches nothing.
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
        """The same with so many rows at once."""
        return replace(self, rows=rows)


def split_rows(batch: Batch, rows: int) -> list[Batch]:
    """Parts of about the same number of rows, `rows` at most; every tensor has the rows first."""
    number = -(-len(next(iter(batch.values()))) // rows)
    cut = {name: tensor.tensor_split(number) for name, tensor in batch.items()}
    return [{name: pieces[part] for name, pieces in cut.items()} for part in range(number)]


def weighed(losses: Mapping[str, Tensor], weights: Weights) -> dict[str, Tensor]:
    """What the losses of a part add to those of the whole batch."""
    addends = {name: losses[name] * weight for name, weight in weights.items()}
    return addends | {"loss": sum(addends.values(), start=losses["loss"].new_zeros(()))}
