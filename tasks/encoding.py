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
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import compute
from tokenizers import pre_tokenizers
from transformers import PreTrainedTokenizerFast

CUT_AT_BLANKS = (pre_tokenizers.BertPreTokenizer, pre_tokenizers.ByteLevel)
MOST_WORDS = 1_000_000  # distinct words kept; then they are forgotten, so memory stays constant

Tokens = tuple[NDArray[np.int64], NDArray[np.int64]]


class Encoder:
    """Encodes sentences without special tokens; their names in a text are text like any other."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        self.backend: Any = tokenizer.backend_tokenizer
        self.backend.encode_special_tokens = True
        self.cuts_at_blanks = isinstance(self.backend.pre_tokenizer, CUT_AT_BLANKS)
        self.numbers: dict[str, int] = {}
        self.begins: NDArray[np.int64]
        self.sizes: NDArray[np.int64]
        self.tokens: NDArray[np.int64]
        self._forget()

    def encode(self, sentences: Sequence[str]) -> Tokens:
        """All tokens in a row [tokens], and how many each sentence has [sentences].

        Args:
            sentences: with single blanks between words, and none around them.
        """
        by_words = self.cuts_at_blanks and len(sentences) > 0
        return self._by_words(sentences) if by_words else self._directly(sentences)

    def _by_words(self, sentences: Sequence[str]) -> Tokens:
        # A word keeps the blank before it: byte-level tokenizers tell by it where words begin.
        words = compute.split_pattern(
            compute.replace_substring(pa.array(sentences, pa.string()), " ", "\0 "), "\0"
        )
        distinct = words.flatten().dictionary_encode()
        numbers = self._number(distinct.dictionary.to_pylist())[distinct.indices.to_numpy()]
        sizes = self.sizes[numbers]
        ends = np.cumsum(sizes)
        places = np.repeat(self.begins[numbers] - (ends - sizes), sizes) + np.arange(ends[-1])
        return self.tokens[places], np.add.reduceat(sizes, words.offsets.to_numpy()[:-1])

    def _directly(self, sentences: Sequence[str]) -> Tokens:
        found = self.backend.encode_batch_fast(list(sentences), add_special_tokens=False)
        ids = [encoding.ids for encoding in found]
        sizes = np.fromiter(map(len, ids), np.int64, len(ids))
        return np.fromiter(chain.from_iterable(ids), np.int64, int(sizes.sum())), sizes

    def _number(self, words: list[str]) -> NDArray[np.int64]:
        """The numbers of words, the new ones tokenized."""
        if len(self.numbers) > MOST_WORDS:
            self._forget()
        new = [word for word in words if word not in self.numbers]
        tokens, sizes = self._directly(new)
        self.begins = np.concatenate([self.begins, len(self.tokens) + np.cumsum(sizes) - sizes])
        self.sizes = np.concatenate([self.sizes, sizes])
        self.tokens = np.concatenate([self.tokens, tokens])
        self.numbers.update(zip(new, range(len(self.numbers), len(self.sizes)), strict=True))
        return np.fromiter(map(self.numbers.__getitem__, words), np.int64, len(words))

    def _forget(self) -> None:
        self.numbers.clear()
        nothing: NDArray[np.int64] = np.zeros(0, np.int64)
        self.begins, self.sizes, self.tokens = nothing, nothing, nothing
