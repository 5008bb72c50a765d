"""The metrics of token classification: entities as seqeval counts them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from seqeval.metrics.sequence_labeling import get_entities

from tasks.problems import Described
from tasks.problems.class_scores import f1_by_class, f1_score, ratio, score_table, scores_of
from tasks.problems.weighted import Sums

OUTSIDE = "O"


def majority(train: pd.DataFrame, test: pd.DataFrame) -> list[list[str]]:
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
        true, found = entities(tags), entities(answer)
        for kind, counted in enumerate((true & found, found, true)):
            for entity in counted:
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


def score(
    gold: Iterable[Sequence[str]], predicted: Iterable[Sequence[str]], labels: Sequence[str]
) -> Sums:
    """Precision, recall and F1 over all types, as functions of the sentences' weights."""
    return scores_of(count(gold, predicted, labels), measure)


def part_scores(
    gold: Iterable[Sequence[str]], predicted: Iterable[Sequence[str]], labels: Sequence[str]
) -> Sums:
    """F1 of each type of entity."""
    return f1_by_class(entity_types(labels), count(gold, predicted, labels))


def report(
    gold: Iterable[Sequence[str]], predicted: Iterable[Sequence[str]], labels: Sequence[str]
) -> pd.DataFrame:
    """Precision, recall, F1 and support of each type of entity."""
    return score_table(entity_types(labels), count(gold, predicted, labels))


def errors(answers: pd.DataFrame) -> NDArray[np.float64]:
    """How many entities are missed or made up in each sentence."""
    pairs = zip(answers["gold"], answers["predicted"], strict=True)
    return np.array([float(len(entities(g) ^ entities(p))) for g, p in pairs])


def describe(answer: Any) -> Described:
    """The entities that the tags spell, and how many are missed or made up."""
    words = [str(word) for word in answer["tokens"]]
    true, found = entities(answer["gold"]), entities(answer["predicted"])
    missed, invented = len(true - found), len(found - true)
    return Described(
        " ".join(words),
        _spelled(true, words),
        _spelled(found, words),
        true == found,
        f"{missed} missed, {invented} made up" if missed or invented else "no error",
    )


def _spelled(found: set[tuple[str, int, int]], words: Sequence[str]) -> str:
    """`ANIMAL: cat · PLACE: Paris`; `none` where there is no entity."""
    ordered = sorted(found, key=lambda entity: entity[1])
    spelled = [f"{kind}: {' '.join(words[start : end + 1])}" for kind, start, end in ordered]
    return " · ".join(spelled) or "none"


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


def entities(tags: Iterable[str]) -> set[tuple[str, int, int]]:
    """The entities that tags spell: type, first and last word."""
    return set(get_entities(list(tags)))


def entity_types(labels: Sequence[str]) -> list[str]:
    """The types in BIO tags, sorted."""
    return sorted({label.split("-", 1)[1] for label in labels if label != OUTSIDE})
