"""Partial matches of entities, by the scenarios with which SemEval-2013 task 9 explains them."""

from __future__ import annotations

import random

import numpy as np
import pytest

from tasks.problems import load
from tasks.problems.token_classification import further
from tasks.problems.weighted import on_all_rows

LABELS = ["O", *(f"{mark}-{name}" for name in ("DRUG", "BRAND", "GROUP") for mark in "BI")]


def tags(*entities: tuple[str, int, int], words: int = 8) -> list[str]:
    """Tags of entities: their types, first and last words."""
    found = ["O"] * words
    for name, start, end in entities:
        found[start : end + 1] = [f"B-{name}", *[f"I-{name}"] * (end - start)]
    return found


def scored(gold: list[str], predicted: list[str]) -> tuple[float, float]:
    found = on_all_rows(further.score([gold], [predicted], LABELS))
    return found["type_f1"], found["partial_f1"]


# What is true, what is predicted, and how much of an entity is right by type and by boundaries.
SCENARIOS = [
    ([("DRUG", 1, 1)], [("DRUG", 1, 1)], 1, 1),
    ([("BRAND", 1, 1)], [("DRUG", 1, 1)], 0, 1),
    ([("DRUG", 1, 3)], [("DRUG", 2, 3)], 1, 0.5),
    ([("DRUG", 1, 3)], [("GROUP", 3, 5)], 0, 0.5),
    ([("DRUG", 1, 1)], [("DRUG", 2, 2)], 0, 0),
    ([("DRUG", 1, 1)], [], 0, 0),
    ([], [("DRUG", 1, 1)], 0, 0),
    # Each is matched once: the second prediction is spurious.
    ([("DRUG", 0, 5)], [("DRUG", 0, 1), ("DRUG", 3, 4)], 1, 0.5),
    # The same one is taken, though another overlaps it first.
    ([("DRUG", 0, 1), ("DRUG", 2, 3)], [("DRUG", 2, 3)], 1, 1),
    # One of its type is taken, though another is the first.
    ([("GROUP", 0, 2), ("DRUG", 3, 5)], [("DRUG", 2, 3)], 1, 0.5),
]


@pytest.mark.parametrize(("true", "found", "by_type", "in_part"), SCENARIOS)
def test_scenarios_are_counted_as_they_are_defined(
    true: list[tuple[str, int, int]],
    found: list[tuple[str, int, int]],
    by_type: float,
    in_part: float,
) -> None:
    both = len(true) + len(found)
    expected = (2 * by_type / both, 2 * in_part / both)
    assert scored(tags(*true), tags(*found)) == pytest.approx(expected)


def test_they_are_never_below_the_exact_f1_and_one_where_all_is_right() -> None:
    draw, problem = random.Random(2), load("token-classification")
    gold, answers = ([draw.choices(LABELS, k=9) for _ in range(60)] for _ in range(2))
    found = further.score(gold, answers, LABELS)
    exact = problem.score(gold, answers, LABELS)
    drawn = np.random.default_rng(0).integers(0, 3, (20, 60)).astype(float)
    for name, values in found.measure(drawn).items():
        assert (values >= exact.measure(drawn)["f1"] - 1e-12).all(), name
        assert (values < 1).all()
    assert set(on_all_rows(further.score(gold, gold, LABELS)).values()) == {1.0}


def test_pairs_have_each_entity_at_most_once() -> None:
    draw = random.Random(5)
    for _ in range(100):
        true, found = (
            {
                (draw.choice("AB"), start, start + draw.randrange(3))
                for start in draw.sample(range(9), 4)
            }
            for _ in range(2)
        )
        pairs = list(further.matches(true, found))
        assert len({one for one, _ in pairs}) == len({other for _, other in pairs}) == len(pairs)
        assert {one for one, other in pairs if one == other} == true & found


def test_no_entity_anywhere_is_zero_and_not_an_error() -> None:
    assert scored(tags(), tags()) == (0, 0)
