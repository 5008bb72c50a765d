"""Texts as counts of words and of pieces of words, for the simple models of problems with texts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import FeatureUnion

from tasks.data.pairs import FIRST, SECOND

MOST_FEATURES = 500_000  # of words, and of pieces of words: the most frequent ones
PAIRS = "of pairs, of both texts and of what they share"


def tfidf() -> FeatureUnion:
    """Words and pairs of words, and pieces of 2 to 5 characters inside words.

    Counts are damped (1 + log) and weighted by the logarithm of the inverse document frequency,
    each text of length 1 (Salton and Buckley 1988, "Term-weighting approaches in automatic text
    retrieval"). Words of one character and runs of other signs count too.
    """
    common: dict[str, Any] = {"sublinear_tf": True, "max_features": MOST_FEATURES}
    words = TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"(?u)\w+|[^\w\s]+", **common)
    pieces = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), **common)
    return FeatureUnion([("words", words), ("pieces", pieces)])


class TextFeatures:
    """Rows of texts, or of pairs of texts, as numbers.

    A linear model of the counts of two texts cannot see whether they are alike. So a pair also has
    the geometric mean of both counts, which only words in both texts have, and the amounts of
    `overlap`.
    """

    def __init__(self) -> None:
        self.counts = tfidf()

    def fit(self, rows: pd.DataFrame) -> csr_matrix:
        """Choose the features by the training rows, and compute theirs."""
        if SECOND not in rows:
            return self.counts.fit_transform(rows[FIRST])
        self.counts.fit([*rows[FIRST], *rows[SECOND]])
        return self.of(rows)

    def of(self, rows: pd.DataFrame) -> csr_matrix:
        """The features of rows: of shape (rows, features)."""
        first = self.counts.transform(rows[FIRST])
        if SECOND not in rows:
            return first
        second = self.counts.transform(rows[SECOND])
        both = first.multiply(second).sqrt()
        return hstack([first, second, both, csr_matrix(overlap(rows, both))]).tocsr()


def overlap(rows: pd.DataFrame, both: csr_matrix) -> Any:
    """How much the texts of each pair share: of shape (rows, 6), each from 0 to 1.

    The number of shared words, as a part of the words of both, of the first and of the second text;
    whether all words are shared; the cosine of both counts; how alike the lengths are.

    Args:
        rows: the pairs.
        both: the geometric mean of their counts, each of length 1 for words and for pieces.
    """
    cosine = np.asarray(both.multiply(both).sum(axis=1)).ravel() / 2
    found = []
    for one, other, alike in zip(rows[FIRST], rows[SECOND], cosine, strict=True):
        first, second = (set(text.lower().split()) for text in (one, other))
        shared = len(first & second)
        short, long = sorted((len(one), len(other)))
        parts = [shared / max(1, len(each)) for each in (first | second, first, second)]
        found.append([*parts, float(first == second), alike, short / max(1, long)])
    return np.array(found).reshape(len(rows), 6)
