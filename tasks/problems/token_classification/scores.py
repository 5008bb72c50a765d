"""The metrics of token classification: entities as seqeval counts them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from seqeval.metrics.sequence_labeling import get_entities

from tasks.problems.class_scores import f1_score, ratio, score_table
from tasks.problems.token_classification.model import OUTSIDE


def majority(train: pd.DataFrame, test: pd.DataFrame) -> list[list[str]]:  # noqa: ARG001
    """No entity anywhere: "O" is the most frequent tag of any data set worth tagging."""
    return [[OUTSIDE] * len(words) for words in test["tokens"]]


def count(
    gold: Iterable[Sequence[str]], predicted: Iterable[Sequence[str]], labels: Sequence[str]
) -> NDArray[np.int64]:
    """Entities right, predicted and true for each type: shape (sentences, 3 × types)."""
    number = {name: i for i, name in enumerate(entity_types(labels))}
    pairs = list(zip(gold, predicted, strict=True))
    counts = np.zeros((len(pairs), 3, len(number)), dtype=np.int64)
    for row, (tags, answer) in enumerate(pairs):
        true, found = set(get_entities(list(tags))), set(get_entities(list(answer)))
        for kind, entities in enumerate((true & found, found, true)):
            for entity in entities:
                counts[row, kind, number[entity[0]]] += 1
    return counts.reshape(len(pairs), -1)


def measure(sums: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Precision, recall and F1 over all types together, from the sums of `count`."""
    right, predicted, true = (part.sum(axis=-1) for part in np.split(sums, 3, axis=-1))
    return {
        "f1": f1_score(right, predicted, true),
        "precision": ratio(right, predicted),
        "recall": ratio(right, true),
    }


def report(
    gold: Iterable[Sequence[str]], predicted: Iterable[Sequence[str]], labels: Sequence[str]
) -> pd.DataFrame:
    """Precision, recall, F1 and support of each type of entity."""
    sums = count(gold, predicted, labels).sum(axis=0).astype(np.float64)
    return score_table(entity_types(labels), *np.split(sums, 3))


def confusion(
    gold: Iterable[Sequence[str]], predicted: Iterable[Sequence[str]], labels: Sequence[str]
) -> tuple[list[str], NDArray[np.int64]]:
    """Words by type, "O" first; where an entity begins is not looked at."""
    names = [OUTSIDE, *entity_types(labels)]
    number = {label: names.index(label.split("-", 1)[-1]) for label in labels}
    matrix = np.zeros((len(names), len(names)), dtype=np.int64)
    for tags, answer in zip(gold, predicted, strict=True):
        np.add.at(matrix, ([number[t] for t in tags], [number[t] for t in answer]), 1)
    return names, matrix


def entity_types(labels: Sequence[str]) -> list[str]:
    """The types in BIO tags, sorted."""
    return sorted({label.split("-", 1)[1] for label in labels if label != OUTSIDE})
