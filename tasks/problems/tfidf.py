"""Texts as counts of words and of pieces of words, for the simple models of problems with texts."""

from __future__ import annotations

from typing import Any

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import FeatureUnion

MOST_FEATURES = 500_000  # of words, and of pieces of words: the most frequent ones


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
