"""Drawing examples from an encoded corpus, and the batches of a pre-training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tasks.data.randomness import draw, permuted

if TYPE_CHECKING:
    from torch import Tensor

    from tasks.data.text.word_boundaries import WordBoundaries

ORDER = 30  # purpose of a draw: the order of examples in an epoch

Indices = NDArray[np.int64]
Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """How examples are drawn from a corpus.

    Attributes:
        length: tokens in an example, special tokens included.
        masking_share: share of the tokens to predict.
        seed: seed of all random draws.
        words: where words begin, if all tokens of a word are hidden together; None: single ones.
    """

    length: int
    masking_share: float
    seed: int
    words: WordBoundaries | None = None


class Examples(Protocol):
    """The examples of an encoded corpus, one epoch of them."""

    def __len__(self) -> int:
        """Examples in an epoch."""

    def draw(self, indices: Indices, epochs: Indices) -> Arrays:
        """A batch: example `indices[i]` as it is drawn in epoch `epochs[i]`.

        Returns:
            The arrays for the loss, by name; `input_ids`, `attention_mask` (0 is padding) and
            `token_type_ids` have shape [batch, length].
        """


@dataclass(frozen=True)
class ExampleBatches:
    """The batches of a pre-training: epoch after epoch, each in another order."""

    examples: Examples
    steps: int
    batch_size: int
    seed: int

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, step: int) -> dict[str, Tensor]:
        size = len(self.examples)
        places = np.arange(step * self.batch_size, (step + 1) * self.batch_size)
        epochs = places // size
        order = draw(self.seed, ORDER, epochs)
        return tensors(self.examples.draw(permuted(places % size, size, order), epochs))


def tensors(arrays: Arrays) -> dict[str, Tensor]:
    """The arrays of a batch as tensors."""
    import torch

    return {name: torch.from_numpy(array) for name, array in arrays.items()}
