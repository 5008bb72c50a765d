"""The field's simple model of several labels: a logistic regression for each, on word counts."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from tasks.problems.linear import logistic_regression
from tasks.problems.several_labels.scores import marked, score
from tasks.problems.tfidf import PAIRS, TextFeatures
from tasks.problems.weighted import on_all_rows

WORDS = f"TF-IDF of words and characters ({PAIRS}), a logistic regression for each label"
STRENGTHS = (1.0, 10.0, 100.0)  # the inverse of the L2 penalty; the best on validation counts


def answer(
    train: pd.DataFrame, validation: pd.DataFrame, test: pd.DataFrame, labels: Sequence[str]
) -> list[list[str]]:
    """The labels of each test row, by a model of the training rows alone.

    The validation rows choose the strength of the penalty, by micro-F1; the weaker penalty wins a
    draw. A label that all training rows have, or none, is answered as there.
    """
    counts = TextFeatures()
    features, held_out = counts.fit(train), counts.of(validation)
    answers, found = marked(train["label"], labels), []
    for strength in STRENGTHS:
        with warnings.catch_warnings(action="ignore", category=UserWarning):  # of such labels
            model = logistic_regression(strength).fit(features, answers)
        scores = score(validation["label"], _named(model.predict(held_out), labels), labels)
        found.append((on_all_rows(scores)["micro_f1"], strength, model))
    best = max(found, key=lambda each: each[:2])[2]
    return _named(best.predict(counts.of(test)), labels)


def _named(matrix: Any, labels: Sequence[str]) -> list[list[str]]:
    """The labels that are marked in each row."""
    return [[labels[i] for i in np.flatnonzero(row).tolist()] for row in np.asarray(matrix)]
