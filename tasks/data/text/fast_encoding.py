"""Text into tokens, fast: each distinct word is tokenized once.

A word comes some twenty times in a corpus, and BERT's and byte-level tokenizers cut at every blank.
So the tokens of a sentence are those of its words, one after the other, which are looked up. BERT's
cut at punctuation marks too: a new word such as `(array,` is most often made of known pieces. The
same tokens as from the tokenizer itself, many times faster.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import chain, repeat
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import compute
from tokenizers import pre_tokenizers
from transformers import PreTrainedTokenizerFast

from tasks.data.text.folding import is_local

# A stroke over the sign before it: with `=` it becomes one character, `≠`, which is no punctuation.
OVERLAY = "\u0338"
CUT_AT_BLANKS = (pre_tokenizers.BertPreTokenizer, pre_tokenizers.ByteLevel)
MOST_WORDS = 200_000  # distinct words kept; then they are forgotten, so memory stays constant

Tokens = tuple[NDArray[np.int64], NDArray[np.int64]]
Encode = Callable[[Sequence[str]], Tokens]

_NOTHING: NDArray[np.int64] = np.zeros(0, np.int64)


class Encoder:
    """Encodes sentences without special tokens; their names in a text are text like any other."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        self.backend: Any = tokenizer.backend_tokenizer
        self.backend.encode_special_tokens = True
        self.backend.no_padding()  # a published tokenizer may have both; a corpus is neither
        self.backend.no_truncation()
        self.unknown = tokenizer.unk_token_id
        self.lost, self.example = 0, ""
        self.known: Known | None = None
        if is_plain_bert(self.backend):
            pieces = Known(self._directly, cut_at_punctuation)
            self.known = Known(pieces.encode, cut_at_blanks)
        elif isinstance(self.backend.pre_tokenizer, CUT_AT_BLANKS):
            self.known = Known(self._directly, cut_before_blanks)

    def encode(self, sentences: Sequence[str]) -> Tokens:
        """All tokens in a row [tokens], and how many each sentence has [sentences].

        The characters of words with an unknown token are added to `lost`; `example` is the first
        such word.

        Args:
            sentences: with single blanks between words, and none around them.
        """
        if self.known is None or any(OVERLAY in sentence for sentence in sentences):
            tokens, sizes = self._directly(sentences)
        else:
            tokens, sizes = self.known.encode(sentences)
        if self.unknown is not None and (tokens == self.unknown).any():
            self._count_lost(sentences)
        return tokens, sizes

    def _count_lost(self, sentences: Sequence[str]) -> None:
        counts = Counter(chain.from_iterable(map(str.split, sentences)))
        words = list(counts)
        tokens, sizes = self.known.encode(words) if self.known else self._directly(words)
        owners = np.repeat(np.arange(len(words)), sizes)
        for place in np.unique(owners[tokens == self.unknown]).tolist():
            self.lost += counts[words[place]] * len(words[place])
            self.example = self.example or words[place]

    def _directly(self, texts: Sequence[str]) -> Tokens:
        found = self.backend.encode_batch_fast(list(texts), add_special_tokens=False)
        ids = [encoding.ids for encoding in found]
        sizes = np.fromiter(map(len, ids), np.int64, len(ids))
        return np.fromiter(chain.from_iterable(ids), np.int64, int(sizes.sum())), sizes


class Known:
    """Encodes texts by their parts, and keeps the tokens of each part.

    Args:
        encode: encodes parts.
        cut: cuts texts into parts: their tokens, one after the other, are those of the text.
    """

    def __init__(self, encode: Encode, cut: Callable[[pa.Array], pa.ListArray]) -> None:
        self._encode, self._cut = encode, cut
        self.numbers: dict[str, int] = {}
        self.begins: NDArray[np.int64]
        self.sizes: NDArray[np.int64]
        self.tokens: NDArray[np.int64]
        self._forget()

    def encode(self, texts: Sequence[str]) -> Tokens:
        """All tokens in a row [tokens], and how many each text has [texts]."""
        if not texts:
            return _NOTHING, _NOTHING
        # Example: the texts "a b" and "b b". Their parts are a b | b b, the distinct ones a (number
        # 0) and b (number 1), so `numbers` is [0, 1, 1, 1].
        parts = self._cut(pa.array(texts, pa.string()))
        distinct = parts.flatten().dictionary_encode()
        numbers = self._number(distinct.dictionary.to_pylist())[distinct.indices.to_numpy()]
        # If a has the token 7 and b the tokens 8 9, then `self.tokens` is [7, 8, 9], `self.begins`
        # [0, 1] and `self.sizes` [1, 2]. The parts have [1, 2, 2, 2] tokens, which end at
        # [1, 3, 5, 7]. Token t of the result is token t - (end - size) of its part, and that part
        # begins at `begins`: places [0, 1, 2, 1, 2, 1, 2]. The texts have 1 + 2 and 2 + 2 tokens.
        sizes = self.sizes[numbers]
        ends = np.cumsum(sizes)
        places = np.repeat(self.begins[numbers] - (ends - sizes), sizes) + np.arange(ends[-1])
        return self.tokens[places], np.add.reduceat(sizes, parts.offsets.to_numpy()[:-1])

    def _number(self, parts: Sequence[str]) -> NDArray[np.int64]:
        """The numbers of distinct parts, the new ones encoded."""
        if len(self.numbers) > MOST_WORDS:
            self._forget()
        # Parts that are not known get -1, are encoded together, and take the next numbers. Their
        # tokens go behind those that are kept: with 3 tokens kept, new parts of 2 and 1 tokens
        # begin at 3 and 5, which is 3 + [2, 3] - [2, 1].
        numbers = np.fromiter(map(self.numbers.get, parts, repeat(-1)), np.int64, len(parts))
        places = np.flatnonzero(numbers < 0)
        new = [parts[place] for place in places.tolist()]
        tokens, sizes = self._encode(new)
        numbers[places] = np.arange(len(new)) + len(self.sizes)
        self.numbers.update(zip(new, numbers[places].tolist(), strict=True))
        self.begins = np.concatenate([self.begins, len(self.tokens) + np.cumsum(sizes) - sizes])
        self.sizes = np.concatenate([self.sizes, sizes])
        self.tokens = np.concatenate([self.tokens, tokens])
        return numbers

    def _forget(self) -> None:
        self.numbers.clear()
        self.begins, self.sizes, self.tokens = _NOTHING, _NOTHING, _NOTHING


def is_plain_bert(backend: Any) -> bool:
    """Whether a tokenizer cuts as BERT's, and looks across no blank or punctuation mark before."""
    added = backend.get_added_tokens_decoder().values()
    return (
        isinstance(backend.pre_tokenizer, pre_tokenizers.BertPreTokenizer)
        and is_local(backend.normalizer)
        and all(token.special for token in added)
    )


def cut_at_blanks(sentences: pa.Array) -> pa.ListArray:
    """Words, without the blanks between them."""
    return compute.split_pattern(sentences, " ")


def cut_before_blanks(sentences: pa.Array) -> pa.ListArray:
    """Words with the blank before them: some tokenizers tell by it where words begin."""
    return compute.split_pattern(compute.replace_substring(sentences, " ", "\n "), "\n")


def cut_at_punctuation(words: pa.Array) -> pa.ListArray:
    """ASCII's punctuation marks, and what is between them."""
    apart = compute.replace_substring_regex(words, "([[:punct:]])", r" \1 ")
    return compute.split_pattern(apart, " ")
