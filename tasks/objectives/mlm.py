"""Masked language modelling on full windows of text, as in RoBERTa (Liu et al., 2019, section 4.2).

The documents are laid in a ring, a separator after each, and cut into windows that fill a sequence:
no padding. Each epoch cuts at another offset.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from tasks.contract import StageError
from tasks.data.randomness import below, draw
from tasks.data.text.drawing import Drawing
from tasks.data.text.masking import mask
from tasks.data.text.vocabulary import Vocabulary
from tasks.models.masked_prediction import (
    MASKED_METRICS,
    derive_masked,
    masked_head,
    masked_loss,
    measure_masked,
    only_its_own,
    predict,
    split_masked,
    unchanged,
)

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tasks.data.results import Demonstration
    from tasks.data.text.token_arrays import EncodedCorpus
    from tasks.training.microbatches import Batch

HEADS = ("masked tokens",)
FIELDS = ("masking_share", "masking")
_STORED = ("head",)
TASK = "fill-mask"
METRICS = MASKED_METRICS
TRAINING_LOSS = "mlm_loss"
REFERENCE = ("by frequency", "unigram_loss")

AROUND = 2  # special tokens around a window
OFFSET = 10  # purpose of a draw


def new_model(config: Any, seed: int) -> Any:
    """A model with random weights."""
    from transformers import AutoModelForMaskedLM

    from tasks.models import building

    return building.new_model(AutoModelForMaskedLM, config, seed)


def begin(model: Any, corpus: EncodedCorpus, vocabulary: Vocabulary) -> None:
    """Set the bias of the output to the frequencies of the tokens."""
    from tasks.data.text.token_frequencies import begin_with, frequencies

    begin_with(frequencies(corpus, vocabulary), model)


@dataclass(frozen=True)
class Windows:
    """The windows of a corpus.

    Attributes:
        tokens: [tokens] of all documents.
        begins: [documents + 1] where each document begins in the ring.
    """

    tokens: NDArray[np.unsignedinteger]
    begins: NDArray[np.int64]
    vocabulary: Vocabulary
    drawing: Drawing

    @classmethod
    def of(cls, corpus: EncodedCorpus, vocabulary: Vocabulary, drawing: Drawing) -> Self:
        """The windows of a corpus.

        Raises:
            StageError: the corpus does not fill one.
        """
        begins = corpus.sentences[corpus.documents] + np.arange(len(corpus.documents))
        windows = cls(corpus.tokens, begins, vocabulary, drawing)
        if len(windows) == 0:
            raise StageError(
                f"the corpus has {len(corpus.tokens)} tokens, fewer than the {windows.width} of "
                "one sequence: add text or lower pretraining.sequence_length"
            )
        return windows

    @property
    def width(self) -> int:
        """Tokens of the ring in a window."""
        return self.drawing.length - AROUND

    def __len__(self) -> int:
        return int(self.begins[-1]) // self.width

    def draw(
        self, indices: NDArray[np.int64], epochs: NDArray[np.int64]
    ) -> dict[str, NDArray[np.int64]]:
        """A batch of masked windows."""
        places = self.first(indices, epochs)[:, None] + np.arange(self.width)
        ids = np.empty((len(indices), self.drawing.length), np.int64)
        ids[:, 0], ids[:, -1] = self.vocabulary.cls, self.vocabulary.sep
        ids[:, 1:-1] = self.read(places)
        return mask(ids, self.vocabulary, self.drawing, indices, epochs)

    def first(self, indices: NDArray[np.int64], epochs: NDArray[np.int64]) -> NDArray[np.int64]:
        """[batch] the place in the ring at which each window begins in its epoch."""
        offsets = below(draw(self.drawing.seed, OFFSET, epochs), self.width)
        return offsets + indices * self.width

    def document(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """The document at places of the ring, counted on around it."""
        return np.searchsorted(self.begins, places % self.begins[-1], side="right") - 1

    def read(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """What stands at places of the ring: a token, or the separator after a document."""
        document, places = self.document(places), places % self.begins[-1]
        separator = places == self.begins[document + 1] - 1
        token = np.minimum(places - document, len(self.tokens) - 1)
        return np.where(separator, self.vocabulary.sep, self.tokens[token].astype(np.int64))


def examples(corpus: EncodedCorpus, vocabulary: Vocabulary, drawing: Drawing) -> Windows:
    """The windows of a corpus.

    Raises:
        StageError: the corpus does not fill one.
    """
    return Windows.of(corpus, vocabulary, drawing)


def losses(model: nn.Module, batch: Batch) -> dict[str, Tensor]:
    """Cross-entropy of the hidden tokens, in nats per token."""
    loss = masked_loss(predict(model, batch).logits, batch["targets"])
    return {"loss": loss, "mlm_loss": loss}


def counts(batch: Batch) -> dict[str, int]:
    """The hidden tokens."""
    return {"mlm_loss": len(batch["targets"])}


head = held = masked_head


def measure(model: nn.Module, batch: Batch) -> dict[str, tuple[float, int]]:
    """Loss and accuracy on the hidden tokens."""
    return measure_masked(predict(model, batch).logits, batch["targets"])


derive, split, encoders = derive_masked, split_masked, only_its_own
stored_model = stored_tokenizer = unchanged


def demonstrate(model: Any, tokenizer: Any, held_out: EncodedCorpus) -> Demonstration:
    """Sentences with a word hidden, and the guesses of the model."""
    from tasks.models.mask_filling import fill_masks

    return fill_masks(model, tokenizer, held_out)
