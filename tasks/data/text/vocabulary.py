"""The special tokens of a vocabulary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class Vocabulary:
    """The tokens of a vocabulary by their role.

    Attributes:
        size: entries in all.
        cls, sep, pad, mask: numbers of the special tokens.
        ordinary: [size] which entries are no special tokens: only those are hidden or put in.
    """

    size: int
    cls: int
    sep: int
    pad: int
    mask: int
    ordinary: NDArray[np.bool_]

    @classmethod
    def of(cls, tokenizer: PreTrainedTokenizerBase) -> Vocabulary:
        """The vocabulary of a tokenizer."""
        ordinary = np.ones(len(tokenizer), bool)
        ordinary[tokenizer.all_special_ids] = False
        return cls(
            size=len(tokenizer),
            cls=tokenizer.cls_token_id,
            sep=tokenizer.sep_token_id,
            pad=tokenizer.pad_token_id,
            mask=tokenizer.mask_token_id,
            ordinary=ordinary,
        )
