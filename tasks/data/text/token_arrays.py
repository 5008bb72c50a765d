"""Reading the artifacts of the stages `tokenizer` and `tokens`.

It is separate from those stages' files, so that a change in how they compute does not change the
code of the stages that read their artifacts.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from tasks.contract import StageError


def load_tokenizer(folder: Path, *, expected: int | None = None) -> PreTrainedTokenizerFast:
    """Load the tokenizer of stage `tokenizer`, from the disk only.

    Raises:
        StageError: it does not have the `expected` number of entries.
    """
    loaded = AutoTokenizer.from_pretrained(
        str(folder), local_files_only=True, trust_remote_code=False
    )
    if expected is not None and len(loaded) != expected:
        raise StageError(
            f"{folder} contains {len(loaded)} vocabulary entries, but {expected} are expected"
        )
    return loaded


@dataclass(frozen=True)
class EncodedCorpus:
    """A split of an encoded corpus.

    Attributes:
        tokens: [tokens] all tokens in a row.
        sentences: [sentences + 1] where each sentence begins in `tokens`.
        documents: [documents + 1] where each document begins in `sentences`.
        text_bytes: bytes of the text in UTF-8, whatever its tokens are: see stage `tokens`.
    """

    tokens: NDArray[np.unsignedinteger]
    sentences: NDArray[np.int64]
    documents: NDArray[np.int64]
    text_bytes: int = 0

    @classmethod
    def open(cls, folder: Path, split: str) -> EncodedCorpus:
        """Map a split of the stage's artifact into memory."""
        parts = ("tokens", "sentences", "documents")
        arrays = {part: np.load(folder / f"{split}.{part}.npy", mmap_mode="r") for part in parts}
        return cls(**arrays, text_bytes=int(np.load(folder / f"{split}.bytes.npy")))
