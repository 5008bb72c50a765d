"""Vectors by counting: pairs are those that a slow count finds, and like tokens are near."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tasks.data.text.cooccurrence import (
    PAIRS_AT_ONCE,
    cooccurrence_vectors,
    count_pairs,
    positive_information,
)
from tasks.data.text.token_arrays import EncodedCorpus
from tasks.data.text.vocabulary import Vocabulary

SIZE, SPECIAL, WINDOW = 12, 5, 5
ORDINARY = np.arange(SIZE) >= SPECIAL


def vocabulary(size: int = SIZE) -> Vocabulary:
    ordinary = np.arange(size) >= SPECIAL
    return Vocabulary(size, cls=2, sep=3, pad=0, mask=4, ordinary=ordinary)


def corpus(documents: list[list[int]]) -> EncodedCorpus:
    """Documents of one sentence each."""
    lengths = [len(document) for document in documents]
    begins = np.concatenate([[0], np.cumsum(lengths)])
    tokens = np.array([token for document in documents for token in document], np.uint16)
    return EncodedCorpus(tokens, begins, np.arange(len(documents) + 1))


def counted_slowly(documents: list[list[int]], window: int = WINDOW) -> NDArray[np.float64]:
    counts = np.zeros((SIZE, SIZE))
    for document in documents:
        for place, token in enumerate(document):
            for other in document[max(0, place - window) : place + window + 1]:
                counts[token, other] += 1
            counts[token, token] -= 1  # itself
    counts[~ORDINARY] = 0
    counts[:, ~ORDINARY] = 0
    return counts


@pytest.mark.parametrize("at_once", [PAIRS_AT_ONCE, 7])
def test_pairs_are_counted_inside_documents(at_once: int, monkeypatch) -> None:
    monkeypatch.setattr("tasks.data.text.cooccurrence.PAIRS_AT_ONCE", at_once)
    draw = np.random.default_rng(0)
    documents = [list(map(int, draw.integers(0, SIZE, n))) for n in (1, 30, 2, 17, 4)]
    for window in (1, 5, 20):
        found = count_pairs(corpus(documents), vocabulary(), window).toarray()
        assert np.array_equal(found, counted_slowly(documents, window))


def test_information_is_that_of_the_definition() -> None:
    documents = [[5, 6, 7, 5, 6, 8, 9, 9, 10]]
    counts = counted_slowly(documents)
    context = counts.sum(0) ** 0.75 / (counts.sum(0) ** 0.75).sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = np.log(counts / counts.sum() / np.outer(counts.sum(1) / counts.sum(), context))
    expected = np.where(counts > 0, np.maximum(expected, 0), 0)
    found = positive_information(count_pairs(corpus(documents), vocabulary(), WINDOW)).toarray()
    assert found == pytest.approx(expected)


def test_tokens_in_the_same_places_have_near_vectors() -> None:
    draw = np.random.default_rng(1)
    # 5 and 6 stand between 7 and 8, 9 and 10 between 11 and 12.
    patterns = [[7, 5, 8], [7, 6, 8], [11, 9, 12], [11, 10, 12]]
    documents = [patterns[i] for i in draw.integers(0, 4, 400)]
    vectors = cooccurrence_vectors(corpus(documents), vocabulary(13), 4, WINDOW)
    assert vectors.shape == (13, 4)
    assert vectors[:SPECIAL].any() == False  # noqa: E712
    lengths = np.linalg.norm(vectors[SPECIAL:], axis=1)
    assert lengths == pytest.approx(np.ones(8), abs=1e-5)
    alike = vectors @ vectors.T
    assert alike[5, 6] > 0.9
    assert alike[9, 10] > 0.9
    assert alike[5, 9] < 0.5


def test_the_same_again_gives_the_same_bits() -> None:
    documents = [[5, 6, 7, 8, 9, 10, 11, 5, 7, 9]]
    first, again = (
        cooccurrence_vectors(corpus(documents), vocabulary(), 3, WINDOW) for _ in range(2)
    )
    assert np.array_equal(first, again)


def test_what_never_occurs_has_no_vector() -> None:
    vectors = cooccurrence_vectors(corpus([[5, 6, 5, 6]]), vocabulary(), 3, WINDOW)
    assert [number for number in range(SIZE) if vectors[number].any()] == [5, 6]
    assert not cooccurrence_vectors(corpus([[5]]), vocabulary(), 3, WINDOW).any()
