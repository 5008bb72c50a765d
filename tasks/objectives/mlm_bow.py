"""Masked language modelling, and the words of the passage from the state of `[CLS]`.

Masked language modelling alone trains nothing to stand for a whole text: fine-tuning for a class
reads the state of `[CLS]`, which no hidden token needs. Here it predicts, by the same head as the
hidden tokens, which words its window and the windows beside it contain, as far as they are of the
same document: bag-of-words prediction (Ma et al., 2024, "Drop your Decoder: Pre-training with
Bag-of-Word Prediction for Dense Passage Retrieval", section 3.2). A frequent word counts for less,
as in the subsampling of Mikolov et al. (2013, "Distributed Representations of Words and Phrases and
their Compositionality", section 2.3).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tasks.data.results import Metric
from tasks.data.text.drawing import Arrays, Drawing
from tasks.data.text.vocabulary import Vocabulary
from tasks.models.masked_prediction import (
    MASKED_METRICS,
    derive_masked,
    masked_loss,
    measure_masked,
    only_its_own,
    predict,
    split_masked,
    unchanged,
)
from tasks.objectives import mlm
from tasks.objectives.mlm import Windows

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tasks.data.text.token_arrays import EncodedCorpus
    from tasks.training.flops import Product
    from tasks.training.microbatches import Batch

HEADS = ("masked tokens",)
FIELDS = ("masking_share", "masking")
_STORED = ("head",)
TASK = "fill-mask"
METRICS = {
    **MASKED_METRICS,
    "bow_loss": Metric("loss on the words of held-out passages, nats per word", "nats", "lower"),
}
TRAINING_LOSS = "mlm_loss"
REFERENCE = ("by frequency", "unigram_loss")
FREQUENT = 1e-4  # share of the corpus above which a token counts for less

new_model, begin, demonstrate = mlm.new_model, mlm.begin, mlm.demonstrate
derive, split, encoders = derive_masked, split_masked, only_its_own
stored_model = stored_tokenizer = unchanged


@dataclass(frozen=True)
class WindowsWithWords:
    """The windows of a corpus, each with the words of the passage that it is a part of.

    Attributes:
        windows: of the corpus.
        weights: [vocabulary] what an occurrence of a token counts; 0 for special tokens.
    """

    windows: Windows
    weights: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.windows)

    def draw(self, indices: NDArray[np.int64], epochs: NDArray[np.int64]) -> Arrays:
        """A batch of masked windows, with their words.

        Returns:
            Also, for three windows of places, `words` [batch, places]: the tokens there; and
            `word_weights` [batch, places]: what each counts; in sum 1, or 0 if a row has no word.
        """
        # A window of 4 places, with its neighbours, in a ring of documents a, b and c:
        #   a a b b | b b b b | b c c c
        # The window is of document b, so the words of a and c beside it do not count. A window that
        # begins in one document and ends in another has neighbours of the one and of the other.
        width, windows = self.windows.width, self.windows
        first = windows.first(indices, epochs)[:, None]
        places = first + np.arange(-width, 2 * width)
        document, last = windows.document(places), first + width - 1
        before, behind = places < first, places > last
        counts = ~before & ~behind
        counts |= before & (document == windows.document(first))
        counts |= behind & (document == windows.document(last))
        words = windows.read(places)
        weights = self.weights[words] * counts
        weights /= np.maximum(weights.sum(axis=1, keepdims=True), np.float32(1e-9))
        return windows.draw(indices, epochs) | {"words": words, "word_weights": weights}


def examples(corpus: EncodedCorpus, vocabulary: Vocabulary, drawing: Drawing) -> WindowsWithWords:
    """The windows of a corpus, with their words.

    Raises:
        StageError: the corpus does not fill one.
    """
    from tasks.data.text.token_frequencies import frequencies

    windows = mlm.examples(corpus, vocabulary, drawing)
    counted = np.minimum(1, np.sqrt(FREQUENT / frequencies(corpus, vocabulary)))
    return WindowsWithWords(windows, (counted * vocabulary.ordinary).astype(np.float32))


def _logits(model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
    """The logits of the hidden tokens [hidden, vocabulary], and of the rows [rows, vocabulary]."""
    import torch

    rows, length = batch["input_ids"].shape
    hidden = batch["positions"]
    of_cls = torch.arange(rows, device=hidden.device) * length  # it is the first of a row
    found = predict(model, {**batch, "positions": torch.cat([hidden, of_cls])}).logits
    return found[: len(hidden)], found[len(hidden) :]


def _loss_of_words(logits: Tensor, batch: Batch) -> Tensor:
    """The sum over rows of the cross-entropy with the words of each, in nats."""
    known = logits.float().log_softmax(-1).gather(1, batch["words"])
    return -(known * batch["word_weights"]).sum()


def losses(model: nn.Module, batch: Batch) -> dict[str, Tensor]:
    """The sum of both cross-entropies, each a mean in nats: of a hidden token, of a row's words."""
    hidden, of_rows = _logits(model, batch)
    words = _loss_of_words(of_rows, batch) / len(of_rows)
    masked = masked_loss(hidden, batch["targets"])
    return {"loss": masked + words, "mlm_loss": masked, "bow_loss": words}


def counts(batch: Batch) -> dict[str, int]:
    """The hidden tokens, and the rows."""
    return {"mlm_loss": len(batch["targets"]), "bow_loss": len(batch["input_ids"])}


def head(config: Any, batch: Batch) -> list[Product]:
    """The head of the language model, on the hidden tokens and on a state of each row."""
    from tasks import families

    positions = len(batch["positions"]) + len(batch["input_ids"])
    return families.load(config.model_type).language_model_products(config, positions)


held = head


def measure(model: nn.Module, batch: Batch) -> dict[str, tuple[float, int]]:
    """Loss and accuracy on the hidden tokens, and the loss on the words of the rows."""
    hidden, of_rows = _logits(model, batch)
    found = measure_masked(hidden, batch["targets"])
    return found | {"bow_loss": (float(_loss_of_words(of_rows, batch)), len(of_rows))}
