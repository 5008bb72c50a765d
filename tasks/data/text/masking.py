"""Which tokens are hidden, and what is put in their place.

As in BERT (Devlin et al., 2019, section 3.1): a share of the tokens is to be predicted; of those
80 % are replaced by the mask token, 10 % by a random token, 10 % stay. What is chosen is a function
of seed, epoch and example, so each epoch masks anew (RoBERTa's dynamic masking; Liu et al., 2019,
section 4.1) and a resumed run masks as an uninterrupted one.

Single tokens are chosen, or whole words, as in BERT's later release: a piece of a word is often
guessed from the others. Both hide as many tokens, whole words in expectation.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tasks.data.randomness import Bits, below, draw, unit
from tasks.data.text.drawing import Drawing
from tasks.data.text.vocabulary import Vocabulary

MASK_SHARE, RANDOM_SHARE = 0.8, 0.1

# What a number is drawn for: each purpose has its own numbers.
CHOICE, TREATMENT, REPLACEMENT, TURN, EDGE = 1, 2, 3, 4, 5


def mask(
    ids: NDArray[np.int64],
    vocabulary: Vocabulary,
    drawing: Drawing,
    indices: NDArray[np.int64],
    epochs: NDArray[np.int64],
) -> dict[str, NDArray[np.int64]]:
    """Hide tokens of each sequence: max(1, round(share · n)) of its n ordinary tokens.

    Single tokens are exactly so many. Of whole words it is so many in expectation, and each token
    is as likely hidden as another, however long its word is.

    Args:
        ids: [batch, length] the tokens.
        vocabulary: its special tokens are never hidden.
        drawing: the share, the seed, and whether whole words are hidden.
        indices: [batch] number of each example.
        epochs: [batch] epoch that each is drawn in.

    Returns:
        input_ids: [batch, length] with tokens hidden.
        positions: [hidden] where they are in the flattened batch, ascending.
        targets: [hidden] what they were.
    """
    eligible = vocabulary.ordinary[ids]
    available = eligible.sum(axis=1)
    counts = np.minimum(np.maximum(1, np.floor(drawing.masking_share * available + 0.5)), available)
    order = draw(drawing.seed, CHOICE, epochs[:, None], indices[:, None], np.arange(ids.shape[1]))
    if drawing.words is None:
        positions = _tokens(order, eligible, counts)
    else:
        turns = unit(draw(drawing.seed, TURN, epochs, indices))
        edges = draw(drawing.seed, EDGE, epochs[:, None], indices[:, None], np.arange(ids.shape[1]))
        begins = drawing.words.begins(ids)
        positions = _words(order, begins, eligible, counts, turns, unit(edges))

    # What is put there. Each hidden place draws a number in [0, 1): below 0.8 it shows the mask,
    # below 0.9 a random ordinary token, else the token itself. The numbers depend on epoch, example
    # and column, not on the place in the batch: an example is masked the same in any batch.
    targets = ids.reshape(-1)[positions]
    row, column = np.divmod(positions, ids.shape[1])
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


def _tokens(
    order: Bits, eligible: NDArray[np.bool_], counts: NDArray[np.float64]
) -> NDArray[np.int64]:
    """The places of single tokens, in the flattened batch.

    Args:
        order: [batch, length] random numbers.
        eligible: [batch, length] which tokens may be hidden.
        counts: [batch] how many are.
    """
    # Every place has a random number; special tokens get the largest one. The places of a row are
    # sorted by their numbers, and the first `counts` of them are hidden: a sample without
    # replacement. Example: a row CLS a b c SEP and a share of 0.5. Of 3 ordinary tokens 2 are
    # hidden (1.5, rounded up). With the numbers a: 7, b: 2, c: 5 these are b and c. In row 1 of a
    # batch of width 5 they are at 5 + 2 and 5 + 3: the places are [7, 8].
    length = order.shape[1]
    order[~eligible] = np.iinfo(np.uint64).max
    first = np.argsort(order, axis=1)
    row, rank = np.nonzero(np.arange(length) < counts[:, None])
    return np.sort(row * length + first[row, rank])


def _words(  # noqa: PLR0917
    order: Bits,
    begins: NDArray[np.bool_],
    eligible: NDArray[np.bool_],
    counts: NDArray[np.float64],
    turns: NDArray[np.float64],
    edges: NDArray[np.float64],
) -> NDArray[np.int64]:
    """The places of all tokens of the words that are hidden, in the flattened batch.

    Args:
        order: [batch, length] random numbers.
        begins: [batch, length] which tokens begin a word.
        eligible: [batch, length] which tokens may be hidden.
        counts: [batch] how many are, in expectation.
        turns: [batch] a random number in [0, 1) each.
        edges: [batch, length] the same.
    """
    # The words of a row, in a random order, are laid around a circle as long as its n tokens. An
    # arc of `counts` tokens, from a random place on, hides the words that it covers; one that it
    # covers in part is hidden with that probability. So each word has the probability counts / n,
    # long or short. Example: a row CLS a ##b c d SEP, words ab (at column 1), c and d, n = 4, and
    # an arc of 2. In the order c ab d, c begins at 0, ab at 1, d at 3. Turned by 0.5, they begin at
    # 3.5, 0.5 and 2.5: the arc from 0 to 2 covers 1.5 of the 2 tokens of ab, which is hidden with a
    # probability of 0.75; 0.5 of c, which reaches around to 0.5; and nothing of d.
    rows, length = order.shape
    columns = np.broadcast_to(np.arange(length), order.shape)
    first = np.maximum.accumulate(np.where(begins, columns, 0), axis=1)  # column of a word
    numbers = np.take_along_axis(order, first, axis=1)
    numbers[~eligible] = np.iinfo(np.uint64).max
    rank = np.empty(order.shape, np.int64)
    np.put_along_axis(rank, np.argsort(numbers, axis=1, kind="stable"), columns, axis=1)
    word = first + length * np.arange(rows)[:, None]
    size = np.bincount(word[eligible], minlength=order.size)[word]

    around = np.maximum(1, eligible.sum(axis=1))[:, None]
    begin = (np.take_along_axis(rank, first, axis=1) - turns[:, None] * around) % around
    arc = counts[:, None]
    covered = np.clip(arc - begin, 0, size) + np.clip(begin + size - around, 0, arc)
    edge = np.take_along_axis(edges, first, axis=1)
    return np.flatnonzero(eligible & (edge * size < covered))
