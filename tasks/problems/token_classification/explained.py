"""Why a word has its tag: the log-odds of the tag of one word of a sentence.

That is the surest wrong tag; where no tag is known to be wrong, the surest tag of an entity's first
word; where there is none, the word that comes closest to one. An answer is a number:
`word x labels + tag`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tasks.problems.text_classification.explained import direction, scores

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["direction", "scores"]

PARTS = "tasks.models.explaining.tagged_words"
SCORE = "log-odds of one tag (the surest mistake, or else the beginning of the surest entity)"
PROBABLE = True
UNSEEN = -1e4  # the score of each tag of a word that the model does not see: finite, and the least


def answer(scores: NDArray[np.float64], gold: Any, labels: Sequence[str]) -> int:
    """The word and the tag that are explained, by the scores of all: shape (words x labels,)."""
    from tasks.problems.token_classification.scores import OUTSIDE, entities

    by_word = scores.reshape(-1, len(labels))
    seen = [word for word, own in enumerate(by_word) if own.max() > UNSEEN]
    if not seen:
        return labels.index(OUTSIDE) if OUTSIDE in labels else 0
    tags = by_word.argmax(axis=1)
    said = [OUTSIDE] * len(tags)
    for word in seen:
        said[word] = labels[tags[word]]
    apart = set() if gold is None else entities(gold) ^ entities(said)
    inside = {word for _, first, last in apart for word in range(first, last + 1)}
    wrong = [word for word in seen if word in inside and said[word] != gold[word]]
    found = [word for word in seen if said[word] != OUTSIDE and not _goes_on(said, word)]
    if wrong or found:
        word = max(wrong or found, key=lambda each: by_word[each].max())
    else:
        word = min(seen, key=lambda each: by_word[each].max())
    return int(word * len(labels) + tags[word])


def _goes_on(tags: Sequence[str], word: int) -> bool:
    """Whether a word is inside an entity that began before it."""
    tag = tags[word]
    return word > 0 and tag.startswith("I-") and tags[word - 1][2:] == tag[2:]


def words(labels: Sequence[str], answer: int, direction: int) -> str:
    """The tag."""
    return labels[answer % len(labels)]
