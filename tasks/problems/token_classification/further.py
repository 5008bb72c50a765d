"""Partial matches of entities, as SemEval-2013 task 9 counts them (Segura-Bedmar et al. 2013).

- By type: an entity is right if it overlaps a true one of its type, whatever their boundaries.
- Partial: an entity with the boundaries of a true one is right, and one that overlaps it counts as
  half, whatever their types.

Each entity is matched with at most one: the same one; else one with its boundaries; else one of
its type that overlaps it; else any that does, each time the first. So precision is divided by all
predicted entities and recall by all true ones, as SemEval defines them. (The package `nervaluate`
matches one true entity several times, and differs where several predicted ones overlap it.)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from tasks.problems import Metric
from tasks.problems.class_scores import f1_score
from tasks.problems.token_classification.scores import entities
from tasks.problems.weighted import Floats, Sums, Values

METRICS = {
    "type_f1": Metric("entity F1 by type (any overlap)"),
    "partial_f1": Metric("entity F1 of boundaries (an overlap is half)"),
}

Entity = tuple[str, int, int]  # type, first and last word


def score(
    gold: Iterable[Sequence[str]], predicted: Iterable[Sequence[str]], labels: Sequence[str]
) -> Sums:
    """Both F1 as functions of the sentences' weights."""
    pairs = zip(gold, predicted, strict=True)
    counts = np.array([_counts(entities(tags), entities(answer)) for tags, answer in pairs])
    return Sums(counts.reshape(-1, 4), measure)


def measure(sums: Floats) -> Values:
    """Both F1 from sums of: right by type, right in part, predicted, true."""
    by_type, in_part, predicted, true = np.moveaxis(sums, -1, 0)
    return {
        "type_f1": f1_score(by_type, predicted, true),
        "partial_f1": f1_score(in_part, predicted, true),
    }


def _counts(true: set[Entity], found: set[Entity]) -> NDArray[np.float64]:
    pairs = list(matches(true, found))
    by_type = sum(one[0] == other[0] for one, other in pairs)
    in_part = sum(1.0 if one[1:] == other[1:] else 0.5 for one, other in pairs)
    return np.array([by_type, in_part, len(found), len(true)])


def matches(true: set[Entity], found: set[Entity]) -> Iterator[tuple[Entity, Entity]]:
    """Pairs of a true entity and a predicted one, each in one pair at most."""
    left = sorted(true, key=lambda entity: entity[1:])
    unmatched = sorted(found, key=lambda entity: entity[1:])
    for fits in (_is_same, _has_its_boundaries, _is_of_its_type, _overlaps):
        for entity in [*unmatched]:
            other = next((each for each in left if fits(each, entity)), None)
            if other is not None:
                left.remove(other)
                unmatched.remove(entity)
                yield other, entity


def _is_same(one: Entity, other: Entity) -> bool:
    return one == other


def _has_its_boundaries(one: Entity, other: Entity) -> bool:
    return one[1:] == other[1:]


def _is_of_its_type(one: Entity, other: Entity) -> bool:
    return one[0] == other[0] and _overlaps(one, other)


def _overlaps(one: Entity, other: Entity) -> bool:
    return one[1] <= other[2] and other[1] <= one[2]
