"""How often each token occurs in a corpus, and a model that begins with this knowledge."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedModel

from tasks.encoded import EncodedCorpus
from tasks.objectives.masking import Vocabulary


def frequencies(corpus: EncodedCorpus, vocabulary: Vocabulary) -> NDArray[np.float64]:
    """[vocabulary] the share of each entry, as if each had occurred once more.

    Special tokens count that one time only: none is ever to be predicted.
    """
    counts = np.bincount(corpus.tokens, minlength=vocabulary.size)
    counts[~vocabulary.ordinary] = 0
    return np.asarray((counts + 1) / (counts + 1).sum())


def unigram_loss(
    held_out: EncodedCorpus, known: NDArray[np.float64], vocabulary: Vocabulary
) -> float:
    """Cross-entropy, in nats, of held-out tokens for a model that only knows frequencies."""
    counts = np.bincount(held_out.tokens, minlength=vocabulary.size)
    counts[~vocabulary.ordinary] = 0
    return float(-(counts * np.log(known)).sum() / max(1, counts.sum()))


@torch.no_grad()
def begin_with(known: NDArray[np.float64], model: PreTrainedModel) -> None:
    """Set the bias of a language model's output to the logarithms of frequencies.

    Meister et al. (2023), A Natural Bias for Language Generation Models, section 3. Without it the
    frequencies are what a model learns first, and it does so by a direction that the states of all
    tokens share: they are then so much alike that it learns little else for a long time.
    """
    model.get_output_embeddings().bias.copy_(torch.from_numpy(np.log(known)))
