"""Examples of about the same length share a batch: less padding, the same learning.

The order is a pure function of seed, epoch and step, never of a global generator, so a run that
stopped continues with the very batches it would have seen. Padding falls from half of the tokens to
a few per cent (on SST-2, from 51 % to 0.6 %).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

BATCHES_IN_A_BUCKET = 50

Batch = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Example:
    """A row as the model reads it.

    Attributes:
        input_ids: Tokens, special tokens included.
        labels: One number for the row, or one for each of `input_ids` (-100: none).
        cut: What did not fit into the longest input, in the unit of the problem.
        positions: Where the first sub-word of each word is in `input_ids`, -1 for a word that the
            model does not see; empty where a row has one label.
        types: One for each of `input_ids`: 0 of the first text, 1 of the second; empty where the
            model is not told.
    """

    input_ids: list[int] | NDArray[np.int32]  # an array takes a tenth of the memory
    labels: Sequence[float]  # whole numbers for classes
    cut: int = 0
    positions: tuple[int, ...] = ()
    types: Sequence[int] | NDArray[np.int8] = ()

    @property
    def places(self) -> int:
        """Tokens that it takes of a batch."""
        return len(self.input_ids)


Collate = Callable[[Sequence[Example]], Batch]


def order_batches(
    lengths: Sequence[int], batch_size: int, seed: int, epoch: int
) -> list[list[int]]:
    """The batches of an epoch: lists of indices, each example once, one batch may be short.

    Shuffle, cut into buckets of 50 batches, sort each by length, cut into batches, shuffle those.
    Lengths are blurred by a tenth before they are sorted, so that an example meets other neighbours
    in each epoch also where all fit into one bucket. The short batch is a random one: at the end it
    would always hold the longest examples, each weighing more there.
    """
    # Example: lengths [9, 1, 8, 2, 7] and batches of 2. `order` may be [4, 1, 0, 3, 2], all in one
    # bucket. Sorted by (blurred) length it is [1, 3, 4, 2, 0]. Five examples are two full batches
    # and a short one of 1; its place among them is drawn, say the second: sizes [2, 1, 2] cut
    # [1, 3], [4] and [2, 0], which are then shuffled.
    generator = np.random.default_rng([seed, epoch])
    order = generator.permutation(len(lengths))
    blurred = np.asarray(lengths) * generator.uniform(0.9, 1.1, len(lengths))
    bucket = batch_size * BATCHES_IN_A_BUCKET
    batches: list[list[int]] = []
    for start in range(0, len(order), bucket):
        members = order[start : start + bucket]
        members = members[np.argsort(blurred[members], kind="stable")]
        full, short = divmod(len(members), batch_size)
        sizes = [batch_size] * full
        if short:
            sizes.insert(int(generator.integers(full + 1)), short)
        batches += [part.tolist() for part in np.split(members, np.cumsum(sizes)[:-1])]
    return [batches[i] for i in generator.permutation(len(batches))]


class BucketedBatches:
    """The batches of a whole training, by step."""

    def __init__(
        self,
        examples: Sequence[Example],
        collate: Collate,
        *,
        batch_size: int,
        epochs: int,
        seed: int,
    ) -> None:
        self._examples = examples
        self._collate = collate
        self.steps_per_epoch = -(-len(examples) // batch_size)
        self._steps = epochs * self.steps_per_epoch
        lengths = [len(example.input_ids) for example in examples]
        self._epoch = lru_cache(maxsize=2)(
            lambda epoch: order_batches(lengths, batch_size, seed, epoch)
        )

    def __len__(self) -> int:
        """Steps in all epochs together."""
        return self._steps

    def __getitem__(self, step: int) -> Batch:
        """The batch of an optimizer step."""
        if not 0 <= step < self._steps:
            raise IndexError(f"step {step} of {self._steps}")
        epoch, position = divmod(step, self.steps_per_epoch)
        return self._collate([self._examples[i] for i in self._epoch(epoch)[position]])


def pad(sequences: Sequence[Sequence[float] | NDArray[Any]], value: int) -> torch.Tensor:
    """Shape (sequences, longest of them), filled up on the right with `value`."""
    padded = torch.full((len(sequences), max(map(len, sequences))), value, dtype=torch.long)
    for row, sequence in enumerate(sequences):
        padded[row, : len(sequence)] = torch.tensor(sequence, dtype=torch.long)
    return padded


def inputs_of(examples: Sequence[Example], pad_id: int) -> Batch:
    """The tokens of a batch, their attention mask and types, of shape (examples, longest)."""
    ids = [example.input_ids for example in examples]
    batch = {"input_ids": pad(ids, pad_id), "attention_mask": pad([[1] * len(i) for i in ids], 0)}
    if any(len(example.types) for example in examples):
        batch["token_type_ids"] = pad([example.types for example in examples], 0)
    return batch
