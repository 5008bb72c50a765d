"""Texts, or pairs of texts, as a model reads them: what some problems share.

A text that is longer than the longest input is truncated, or read in windows (`windows/`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from tasks.data.pairs import FIRST, SECOND, passages
from tasks.data.text.length_buckets import Batch, Example
from tasks.experiment import choices
from tasks.problems.windows.cutting import reads_windows
from tasks.problems.windows.texts import encode_windows

if TYPE_CHECKING:
    from tasks.training.flops import Product

CUT = "texts_cut_short"


def encode_texts(
    rows: pd.DataFrame, tokenizer: Any, answers: Iterable[Sequence[float]]
) -> list[Example]:
    """Tokens of each text or pair, truncated at the longest input, and its answer in numbers.

    If the tokenizer notes so, a text is read in windows, which are an example each. A pair that is
    too long loses tokens of the longer of its texts until it fits. Its tokens have types (0 of the
    first text, 1 of the second) if the tokenizer gives some.
    """
    second = list(rows[SECOND]) if SECOND in rows else None
    if second is None and reads_windows(tokenizer):
        return encode_windows(list(rows[FIRST]), tokenizer, answers)
    encoded = tokenizer(
        list(rows[FIRST]), second, truncation="longest_first", return_overflowing_tokens=True
    )
    row_of = np.asarray(encoded["overflow_to_sample_mapping"])
    pieces = np.bincount(row_of, minlength=len(rows))
    first = np.searchsorted(row_of, np.arange(len(rows)))
    types = encoded.get("token_type_ids") if second else None
    return [
        Example(
            encoded["input_ids"][i],
            answer,
            cut=int(pieces[row] > 1),
            types=types[i] if types else (),
        )
        for row, (i, answer) in enumerate(zip(first, answers, strict=True))
    ]


def head(config: Any, batch: Batch) -> list[Product]:
    """The products of a dense layer and of the scores, for each text or pair.

    A decoder has no such layer, and scores each token; the last one of a text counts.
    """
    number, width = len(batch["input_ids"]), config.hidden_size
    if "next tokens" in choices.words_of("families", config.model_type, "HEADS"):
        return [(batch["input_ids"].numel(), width, config.num_labels)]
    return [(number, width, width), (number, width, config.num_labels)]


def texts(rows: pd.DataFrame) -> list[str]:
    """The texts themselves; of a pair both in one."""
    return passages(rows)


def asked(rows: pd.DataFrame) -> dict[str, list[str]]:
    """The columns of the rows that a table of answers begins with."""
    return {name: list(rows[name]) for name in ("document", FIRST, SECOND) if name in rows}
