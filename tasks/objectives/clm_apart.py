"""Causal language modelling in which documents are apart: no token sees an earlier document.

The windows, the targets and the bits per byte are those of `clm`. But each document is read on its
own: the separator before it begins it, its positions count from there, and attention ends there
(intra-document causal masking in Zhao et al., 2024, "Analysing The Impact of Sequence Composition
on Language Model Pre-Training"). So a document is read as it is when the model is asked to continue
a text. A document that a window cuts begins anew in the next window.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tasks.data.text.drawing import Arrays, Drawing
from tasks.data.text.vocabulary import Vocabulary
from tasks.objectives import clm
from tasks.objectives.clm import (
    METRICS,
    REFERENCE,
    TASK,
    TRAINING_LOSS,
    Passages,
    begin,
    counts,
    demonstrate,
    derive,
    encoders,
    head,
    held,
    new_model,
    split,
    stored_model,
    stored_tokenizer,
)

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.utils.hooks import RemovableHandle

    from tasks.data.text.token_arrays import EncodedCorpus
    from tasks.training.microbatches import Batch

__all__ = [
    "FIELDS",
    "HEADS",
    "METRICS",
    "REFERENCE",
    "TASK",
    "TRAINING_LOSS",
    "begin",
    "counts",
    "demonstrate",
    "derive",
    "encoders",
    "examples",
    "head",
    "held",
    "losses",
    "measure",
    "new_model",
    "split",
    "stored_model",
    "stored_tokenizer",
]

HEADS = ("next tokens",)
FIELDS = ()
_STORED = ("head",)


@dataclass(frozen=True)
class PassagesApart(Passages):
    """The windows of a corpus, with the place of each token in its document."""

    def draw(self, indices: NDArray[np.int64], epochs: NDArray[np.int64]) -> Arrays:
        """A batch of windows.

        Returns:
            Beside those of `clm`, `position_ids` [batch, length]: they count from the separator
            before a document, or from the beginning of the window.
        """
        drawn = super().draw(indices, epochs)
        places = np.arange(self.width)
        begins = np.where(drawn["input_ids"] == self.vocabulary.sep, places, 0)
        return drawn | {"position_ids": places - np.maximum.accumulate(begins, axis=1)}


def examples(corpus: EncodedCorpus, vocabulary: Vocabulary, drawing: Drawing) -> PassagesApart:
    """The windows of a corpus.

    Raises:
        StageError: the corpus does not fill one.
    """
    return PassagesApart.of(corpus, vocabulary, drawing)


def _apart(model: nn.Module, batch: Batch) -> RemovableHandle:
    """Until it is removed, a model is called with the positions of the batch.

    By them, the masks of `transformers` know which tokens are of one document.
    """

    def add(_: Any, given: Any, named: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        return given, named | {"position_ids": batch["position_ids"]}

    return model.register_forward_pre_hook(add, with_kwargs=True)


def losses(model: nn.Module, batch: Batch) -> dict[str, Tensor]:
    """Cross-entropy of the next tokens, in nats per token."""
    with _apart(model, batch):
        return clm.losses(model, batch)


def measure(model: nn.Module, batch: Batch) -> dict[str, tuple[float, int]]:
    """Loss and accuracy on the next tokens."""
    with _apart(model, batch):
        return clm.measure(model, batch)
