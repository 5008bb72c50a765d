"""Logistic regression on many sparse features, for the simple models of problems with labels."""

from __future__ import annotations

from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier

SEED = 0  # of the order in which rows are visited, which changes the solution by rounding alone


def logistic_regression(strength: float) -> OneVsRestClassifier:
    """One label against the others, L2 penalty, solved in the dual by coordinate descent.

    The dual has one unknown a row, not one a feature: it takes seconds where thousands of rows have
    hundreds of thousands of features (Yu, Huang and Lin 2011, "Dual coordinate descent methods for
    logistic regression and maximum entropy models", Machine Learning 85).

    Args:
        strength: the inverse of the penalty.
    """
    model = LogisticRegression(C=strength, solver="liblinear", dual=True, random_state=SEED)
    return OneVsRestClassifier(model)
