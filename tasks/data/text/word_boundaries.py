"""Where words begin in a row of tokens, from the tokenizer that made them.

Tokenizers mark it in different ways:

- WordPiece marks the pieces inside of a word (`##ing`); each punctuation mark is a word.
- Byte-level BPE, and Unigram and BPE of SentencePiece, mark the blank before a word (`Ġthe`,
  `▁the`). A piece without a blank before it continues the word, unless one is of letters and
  digits and the other of punctuation: in `Ġdog .` and in `. The` it begins one.
- BPE as in the first GPT marks the end of a word (`ing</w>`).
- WordLevel has one token for each word.

In Chinese, Japanese, Thai and other scripts that are written without blanks, a piece is a word.
With byte-level BPE, so is a Chinese or Japanese character of several pieces; such characters of the
other scripts join.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from tasks.contract import StageError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

BEGINS, ENDS = 0, -1  # of an entry that always begins, or always ends, a word
LETTERS, MARKS = 1, 2  # what an entry begins and ends with, otherwise
BLANK = "▁"  # as SentencePiece writes it
BYTE = re.compile(r"<0x[0-9A-F]{2}>")  # an entry of SentencePiece for a part of a character
PART = "\ufffd"  # how a part of a character is shown

_FIRST_OF_THREE = ("\u00e3", "\u00e9")  # bytes that begin a character of Han or Kana
# Han and Kana; Thai and Lao; Burmese; Khmer.
_WITHOUT_BLANKS = re.compile(
    r"[\u2e80-\u312f\u3190-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]"
)


@dataclass(frozen=True)
class WordBoundaries:
    """Which entries of a vocabulary continue a word.

    An entry is in the word of the one before it if it `joins` what that one `ends` with.

    Attributes:
        joins: [vocabulary] `LETTERS` or `MARKS`; `BEGINS` for an entry that begins a word.
        ends: [vocabulary] `LETTERS` or `MARKS`; `ENDS` for one that ends its word.
    """

    joins: NDArray[np.int8]
    ends: NDArray[np.int8]

    @classmethod
    def of(cls, tokenizer: PreTrainedTokenizerFast) -> Self:
        """Those of a tokenizer; a special token is a word of its own.

        Raises:
            StageError: its entries do not tell where words begin.
        """
        entries = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
        pairs = _marked(entries, json.loads(tokenizer.backend_tokenizer.to_str()))
        joins, ends = np.array(pairs, np.int8).T.copy()
        joins[tokenizer.all_special_ids], ends[tokenizer.all_special_ids] = BEGINS, ENDS
        return cls(joins, ends)

    def begins(self, ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        """[rows, length] which tokens of rows are the first of a word, or of their row."""
        found = np.ones(ids.shape, bool)
        found[:, 1:] = self.joins[ids[:, 1:]] != self.ends[ids[:, :-1]]
        return found


def _marked(entries: Sequence[str], state: dict[str, Any]) -> list[tuple[int, int]]:
    """For each entry, what it joins and ends with; `state` is the tokenizer as it is stored."""
    model, kind = state["model"], state["model"]["type"]
    if kind == "WordLevel":
        return [(BEGINS, ENDS)] * len(entries)
    if inside := model.get("continuing_subword_prefix"):
        return [(LETTERS if each.startswith(inside) else BEGINS, LETTERS) for each in entries]
    if end := model.get("end_of_word_suffix"):
        return [(LETTERS, ENDS if each.endswith(end) else LETTERS) for each in entries]
    if '"ByteLevel"' in json.dumps([state["pre_tokenizer"], state["decoder"]]):
        from tokenizers import decoders

        decoder = decoders.ByteLevel()
        return [_by_bytes(each, decoder.decode([each])) for each in entries]
    if kind == "Unigram" or any(each.startswith(BLANK) for each in entries):
        return [_by_characters(BYTE.sub(PART, each).replace(BLANK, " ")) for each in entries]
    raise StageError(
        f"pretraining.masking is words, but the tokenizer ({kind}) marks neither the beginning nor "
        "the end of a word: set it to tokens, or take another tokenizer"
    )


def _by_bytes(entry: str, text: str) -> tuple[int, int]:
    """The same of an entry of bytes, which may begin or end within a character.

    A character of Han or Kana begins with a byte from E3 to E9, which the alphabet of byte-level
    BPE writes as the character of the same number.
    """
    joins, ends = _by_characters(text)
    if text.startswith(PART) and _FIRST_OF_THREE[0] <= entry[0] <= _FIRST_OF_THREE[1]:
        return BEGINS, ends
    return joins, ends


def _by_characters(text: str) -> tuple[int, int]:
    """What an entry joins and ends with, by its first and its last character."""
    if not text.strip():
        return BEGINS, ENDS
    first, last = text[0], text[-1]
    begins = first.isspace() or _WITHOUT_BLANKS.match(first)
    ends = last.isspace() or _WITHOUT_BLANKS.match(last)
    return BEGINS if begins else _kind(first), ENDS if ends else _kind(last)


def _kind(character: str) -> int:
    """Whether a character is of a word; accents that stand alone are, and parts of characters."""
    of_word = character.isalnum() or character == PART or unicodedata.category(character)[0] == "M"
    return LETTERS if of_word else MARKS
