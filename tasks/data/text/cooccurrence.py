"""Vectors of tokens by counting which ones occur near each other.

Positive pointwise mutual information, factored by a singular value decomposition (Levy, Goldberg
and Dagan 2015, "Improving distributional similarity with lessons learned from word embeddings",
TACL 3, section 2).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.utils.extmath import randomized_svd

from tasks.data.text.token_arrays import EncodedCorpus
from tasks.data.text.vocabulary import Vocabulary

SMOOTHING = 0.75  # exponent of the frequencies of contexts: rare ones would count too much
ITERATIONS = 4  # of the randomized decomposition
SEED = 0  # of the randomized decomposition
NOISE = 1e-3  # of the longest row: what is left of tokens outside the leading directions
PAIRS_AT_ONCE = 2**24


def cooccurrence_vectors(
    corpus: EncodedCorpus,
    vocabulary: Vocabulary,
    width: int,
    window: int,
    report: Callable[[int, int], None] | None = None,
) -> NDArray[np.float32]:
    """A vector for each ordinary token; zeros where the counts say nothing of a token.

    Args:
        corpus: the tokens; pairs do not cross the border of a document.
        vocabulary: of the corpus.
        width: numbers in a vector.
        window: places to each side that count as near.
        report: receives how many of how many pairs of places are counted.

    Returns:
        Of shape (vocabulary, width); each row that is not zero has length 1.
    """
    counts = count_pairs(corpus, vocabulary, window, report)
    vectors = np.zeros((vocabulary.size, width), np.float32)
    if counts.nnz == 0:
        return vectors
    information = positive_information(counts)
    rank = min(width, vocabulary.size - 1)
    left, values, _ = randomized_svd(information, rank, n_iter=ITERATIONS, random_state=SEED)
    found = left * np.sqrt(values)
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    known = lengths[:, 0] > NOISE * lengths.max()
    vectors[known, :rank] = (found / lengths.clip(min=1e-30))[known]
    return vectors


def count_pairs(
    corpus: EncodedCorpus,
    vocabulary: Vocabulary,
    window: int,
    report: Callable[[int, int], None] | None = None,
) -> sparse.csr_matrix:
    """How often each two ordinary tokens are within `window` places.

    Symmetric, of shape (size, size). A pair is one number, `first · size + second`, so that equal
    pairs are counted by sorting.
    """
    size, tokens = vocabulary.size, corpus.tokens
    ends = corpus.sentences[corpus.documents[1:]]  # of the documents
    total = sparse.csr_matrix((size, size), dtype=np.float64)
    for distance in range(1, window + 1):
        for begin in range(0, max(0, len(tokens) - distance), PAIRS_AT_ONCE):
            end = min(begin + PAIRS_AT_ONCE, len(tokens) - distance)
            first, second = (
                np.asarray(tokens[begin + step : end + step], np.int64) for step in (0, distance)
            )
            places = np.arange(begin, end)
            kept = places + distance < ends[np.searchsorted(ends, places, side="right")]
            kept &= vocabulary.ordinary[first] & vocabulary.ordinary[second]
            pairs, often = np.unique(first[kept] * size + second[kept], return_counts=True)
            rows, columns = np.divmod(pairs, size)
            total += sparse.csr_matrix((often, (rows, columns)), shape=(size, size))
            if report is not None:
                report((distance - 1) * len(tokens) + end, window * len(tokens))
    return (total + total.T).tocsr()


def positive_information(counts: sparse.csr_matrix) -> sparse.csr_matrix:
    """The positive part of log p(a, b) / (p(a) p(b)), where b's frequency is smoothed."""
    often = np.asarray(counts.sum(axis=1)).ravel()
    contexts = often**SMOOTHING
    contexts /= contexts.sum()
    found = counts.tocoo()
    information = np.log(found.data / (often[found.row] * contexts[found.col]))
    kept = information > 0
    places = found.row[kept], found.col[kept]
    return sparse.csr_matrix((information[kept], places), shape=counts.shape)
