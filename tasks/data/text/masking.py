"""Which tokens are hidden, and what is put in their place.

As in BERT (Devlin et al., 2019, section 3.1): a share of the tokens is to be predicted; of those
80 % are replaced by the mask token, 10 % by a random token, 10 % stay. What is chosen is a function
of seed, epoch and example, so each epoch masks anew (RoBERTa's dynamic masking; Liu et al., 2019,
section 4.1) and a resumed run masks as an uninterrupted one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tasks.data.randomness import below, draw, unit
from tasks.data.text.drawing import Drawing
from tasks.data.text.vocabulary import Vocabulary

MASK_SHARE, RANDOM_SHARE = 0.8, 0.1

# What a number is drawn for: each purpose has its own numbers.
CHOICE, TREATMENT, REPLACEMENT = 1, 2, 3


def mask(
    ids: NDArray[np.int64],
    vocabulary: Vocabulary,
    drawing: Drawing,
    indices: NDArray[np.int64],
    epochs: NDArray[np.int64],
) -> dict[str, NDArray[np.int64]]:
    """Hide tokens of each sequence, exactly max(1, round(share · n)) of its n ordinary tokens.

    Args:
        ids: [batch, length] the tokens.
        vocabulary: its special tokens are never hidden.
        drawing: the share and the seed.
        indices: [batch] number of each example.
        epochs: [batch] epoch that each is drawn in.

    Returns:
        input_ids: [batch, length] with tokens hidden.
        positions: [hidden] where they are in the flattened batch, ascending.
        targets: [hidden] what they were.
    """
    # Which tokens. Every place draws a random number; special tokens get the largest one. The
    # places of a row are sorted by their numbers, and the first `counts` of them are hidden: a
    # sample without replacement. Example: a row CLS a b c SEP and a share of 0.5. Of 3 ordinary
    # tokens 2 are hidden (1.5, rounded up). With the numbers a: 7, b: 2, c: 5 these are b and c. In
    # row 1 of a batch of width 5 they are at 5 + 2 and 5 + 3: `positions` is [7, 8].
    length = ids.shape[1]
    rows, columns = epochs[:, None], np.arange(length)
    order = draw(drawing.seed, CHOICE, rows, indices[:, None], columns)
    eligible = vocabulary.ordinary[ids]
    order[~eligible] = np.iinfo(np.uint64).max
    available = eligible.sum(axis=1)
    counts = np.minimum(np.maximum(1, np.floor(drawing.masking_share * available + 0.5)), available)
    first = np.argsort(order, axis=1)
    row, rank = np.nonzero(columns < counts[:, None])
    positions = np.sort(row * length + first[row, rank])

    # What is put there. Each hidden place draws a number in [0, 1): below 0.8 it shows the mask,
    # below 0.9 a random ordinary token, else the token itself. The numbers depend on epoch, example
    # and column, not on the place in the batch: an example is masked the same in any batch.
    targets = ids.reshape(-1)[positions]
    row, column = np.divmod(positions, length)
    key = (epochs[row], indices[row], column)
    treatment = unit(draw(drawing.seed, TREATMENT, *key))
    candidates = np.flatnonzero(vocabulary.ordinary)
    replacement = candidates[below(draw(drawing.seed, REPLACEMENT, *key), len(candidates))]
    kept_or_random = np.where(treatment < MASK_SHARE + RANDOM_SHARE, replacement, targets)
    hidden = ids.copy()
    hidden.reshape(-1)[positions] = np.where(
        treatment < MASK_SHARE, vocabulary.mask, kept_or_random
    )
    return {"input_ids": hidden, "positions": positions, "targets": targets}
