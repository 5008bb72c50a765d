"""A corpus and a tokenizer of random numbers, to measure time before there are data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.data.text.token_arrays import EncodedCorpus
from tasks.data.text.vocabulary import Vocabulary

SENTENCE, DOCUMENT = 20, 10  # tokens in a sentence, sentences in a document


@dataclass(frozen=True)
class MadeUpTokenizer:
    """The attributes of a tokenizer that the configuration of a model reads."""

    size: int
    pad_token_id: int = 0
    cls_token_id: int = 1
    sep_token_id: int = 2
    mask_token_id: int = 3

    def __len__(self) -> int:
        return self.size

    def vocabulary(self) -> Vocabulary:
        """Its tokens by their role."""
        special = [self.pad_token_id, self.cls_token_id, self.sep_token_id, self.mask_token_id]
        ordinary = np.ones(self.size, bool)
        ordinary[special] = False
        pad, cls, sep, mask = special
        return Vocabulary(self.size, cls, sep, pad, mask, ordinary)


def made_up_corpus(tokens: int, vocabulary: Vocabulary) -> EncodedCorpus:
    """At least two documents of random ordinary tokens, with at least `tokens` tokens in all."""
    documents = max(2, -(-tokens // (SENTENCE * DOCUMENT)))
    drawn = np.random.default_rng(0).choice(
        np.flatnonzero(vocabulary.ordinary), documents * DOCUMENT * SENTENCE
    )
    return EncodedCorpus(
        drawn.astype(np.uint32),
        np.arange(0, len(drawn) + 1, SENTENCE),
        np.arange(0, documents * DOCUMENT + 1, DOCUMENT),
    )
