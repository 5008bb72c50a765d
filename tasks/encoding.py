"""Text into tokens, fast: each distinct word is tokenized once.

A word comes some twenty times in a corpus, and BERT's and byte-level tokenizers cut at every blank.
So the tokens of a sentence are those of its words, one after the other, which are looked up. The
same tokens as from the tokenizer itself, several times faster.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import pre_tokenizers
from transformers import PreTrainedTokenizerFast

CUT_AT_BLANKS = (pre_tokenizers.BertPreTokenizer, pre_tokenizers.ByteLevel)
MOST_WORDS = 1_000_000  # distinct words kept; then they are forgotten, so memory stays constant

Tokens = tuple[NDArray[np.int64], NDArray[np.int64]]


class Encoder:
    """Encodes sentences without special tokens; names of those in a text are text like any other."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        self.backend: Any = tokenizer.backend_tokenizer
        self.backend.encode_special_tokens = True
        self.cuts_at_blanks = isinstance(self.backend.pre_tokenizer, CUT_AT_BLANKS)
        self._forget()

    def encode(self, sentences: Sequence[str]) -> Tokens:
        """All tokens in a row [tokens], and how many each sentence has [sentences].

        Args:
            sentences: with single blanks between words, and none around them.
        """
        return self._by_words(sentences) if self.cuts_at_blanks else self._directly(sentences)

    def _by_words(self, sentences: Sequence[str]) -> Tokens:
        # A word keeps the blank before it: that is how byte-level tokenizers tell where words begin.
        words = [sentence.replace(" ", "\0 ").split("\0") for sentence in sentences]
        self._learn(set(chain.from_iterable(words)))
        counts = np.fromiter(map(len, words), np.int64, len(words))
        numbers = np.fromiter(
            map(self.numbers.__getitem__, chain.from_iterable(words)), np.int64, int(counts.sum())
        )
        sizes = self.sizes[numbers]
        ends = np.cumsum(sizes)
        places = np.repeat(self.begins[numbers] - (ends - sizes), sizes) + np.arange(sizes.sum())
        return self.tokens[places], np.add.reduceat(sizes, np.cumsum(counts) - counts)

    def _directly(self, sentences: Sequence[str]) -> Tokens:
        found = self.backend.encode_batch_fast(list(sentences), add_special_tokens=False)
        ids = [encoding.ids for encoding in found]
        sizes = np.fromiter(map(len, ids), np.int64, len(ids))
        return np.fromiter(chain.from_iterable(ids), np.int64, int(sizes.sum())), sizes

    def _learn(self, words: set[str]) -> None:
        """Tokenize the words that are new."""
        if len(self.numbers) > MOST_WORDS:
            self._forget()
        new = sorted(words - self.numbers.keys())
        tokens, sizes = self._directly(new)
        self.begins = np.concatenate([self.begins, len(self.tokens) + np.cumsum(sizes) - sizes])
        self.sizes = np.concatenate([self.sizes, sizes])
        self.tokens = np.concatenate([self.tokens, tokens])
        self.numbers.update(zip(new, range(len(self.numbers), len(self.sizes)), strict=True))

    def _forget(self) -> None:
        self.numbers: dict[str, int] = {}
        self.begins, self.sizes, self.tokens = (np.zeros(0, np.int64) for _ in range(3))
