"""The field's simple model of text classification: logistic regression on weighted word counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from tasks.problems import PROBABILITIES
from tasks.problems.class_scores import in_places
from tasks.problems.linear import logistic_regression
from tasks.problems.nearest_mean import NearestMean
from tasks.problems.tfidf import PAIRS, TextFeatures
from tasks.problems.weighted import Floats

WORDS = f"TF-IDF of words and characters ({PAIRS}), logistic regression"
STRENGTHS = (1.0, 10.0, 100.0)  # the inverse of the L2 penalty; the best on validation counts
# Rows × labels beyond which a regression for each label takes longer than minutes: 5,000 labels on
# 49,000 rows were not done after 6 minutes of CPU time.
MOST = 5_000_000
MANY_WORDS = f"TF-IDF of words and characters ({PAIRS}), the nearest mean of a label (many labels)"


def answer(
    train: pd.DataFrame, validation: pd.DataFrame, test: pd.DataFrame, labels: Sequence[str]
) -> pd.DataFrame:
    """The label of each test text and the probabilities of all, by a model of the training texts.

    The validation texts choose the strength of the penalty, by accuracy; the weaker penalty wins a
    draw. A label without a training text has probability 0. With very many rows and labels the
    nearest mean answers, which the attribute `words` of the table says.
    """
    if train["label"].nunique() < 2:
        only = str(train["label"].iloc[0])
        return table([only] * len(test), np.ones((len(test), 1)), [only], labels)
    counts = TextFeatures()
    features, held_out = counts.fit(train), counts.of(validation)
    many = len(train) * train["label"].nunique() > MOST
    if many:
        known, right = train["label"].tolist(), validation["label"].tolist()
        means = NearestMean().fit(features, known, held_out, right)
        answers = answers_of(means, counts.of(test), labels)
        answers.attrs["words"] = MANY_WORDS
        return answers
    highest, best = -1.0, logistic_regression(STRENGTHS[0])
    for strength in STRENGTHS:
        model = logistic_regression(strength).fit(features, train["label"])
        accuracy = float((model.predict(held_out) == validation["label"]).mean())
        if accuracy >= highest:
            highest, best = accuracy, model
    return answers_of(best, counts.of(test), labels)


def answers_of(model: Any, features: csr_matrix, labels: Sequence[str]) -> pd.DataFrame:
    """The answers of a fitted model."""
    predicted = [str(label) for label in model.predict(features)]
    return table(predicted, model.predict_proba(features), model.classes_, labels)


def table(
    predicted: Sequence[str], shares: Floats, known: Sequence[str], labels: Sequence[str]
) -> pd.DataFrame:
    """The columns `predicted`, `probability` and PROBABILITIES of a table of answers.

    Args:
        predicted: the answer to each row.
        shares: the probabilities of the labels that the model knows, of shape (rows, known).
        known: these labels.
        labels: all labels.
    """
    every = in_places(shares, known, labels)
    number = {label: i for i, label in enumerate(labels)}
    answered = every[np.arange(len(predicted)), [number[label] for label in predicted]]
    return pd.DataFrame(
        {
            "predicted": list(predicted),
            "probability": answered,
            PROBABILITIES: list(every.astype(np.float32)),
        }
    )
