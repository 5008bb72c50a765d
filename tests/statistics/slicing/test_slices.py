"""Slices: a planted one is found, the others are not, and the numbers are those of the rows."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tasks.problems import load
from tasks.statistics.bootstrap import Bootstrap, documents_of, draw_weights
from tasks.statistics.headline import labels_of
from tasks.statistics.significance import p_value
from tasks.statistics.slicing.meaning import have_meaning
from tasks.statistics.slicing.slices import (
    BETTER,
    CHANCE,
    WORSE,
    fewest_samples,
    measure_slices,
    samples_of,
    slices_of,
)

KIND = load("text-classification")
BOOTSTRAP = Bootstrap(2000, 0.95, 0)


def answered(rows: int = 600) -> pd.DataFrame:
    """Answers of which 85 % are right, but a third where the origin is `radio`."""
    generator = np.random.default_rng(4)
    origin = generator.choice(["press", "radio", "film", "web"], rows)
    right = generator.random(rows) < np.where(origin == "radio", 0.33, 0.85)
    gold = generator.choice(["a", "b"], rows)
    other = np.where(gold == "a", "b", "a")
    documents = [str(number // 2) for number in range(rows)]
    answer = np.where(right, gold, other)
    return pd.DataFrame(
        {"document": documents, "gold": gold, "predicted": answer, "origin": origin}
    )


def test_the_planted_slice_alone_is_worse_and_stands_first() -> None:
    table = answered()
    slices, left_out = slices_of("origin", list(table["origin"]))
    noise, _ = slices_of("noise", np.random.default_rng(1).normal(size=len(table)).tolist())
    found = measure_slices(KIND, table, ["a", "b"], [*slices, *noise], BOOTSTRAP)
    assert (found[0].column, found[0].name, found[0].verdict) == ("origin", "radio", WORSE)
    assert [each.name for each in found if each.verdict == WORSE] == ["radio"]
    assert {each.verdict for each in found if each.column == "noise"} == {CHANCE}
    assert {each.name for each in found if each.verdict == BETTER} <= {"press", "film", "web"}
    assert left_out == 0


def test_the_numbers_are_those_of_the_rows() -> None:
    table = answered()
    slices, _ = slices_of("origin", list(table["origin"]))
    [found] = [
        each
        for each in measure_slices(KIND, table, ["a", "b"], slices, BOOTSTRAP)
        if each.name == "radio"
    ]
    right = table["gold"] == table["predicted"]
    here = table["origin"] == "radio"
    assert found.rows == here.sum()
    assert found.value == pytest.approx(right[here].mean())
    assert found.difference == pytest.approx(right[here].mean() - right[~here].mean())
    assert found.low < found.value < found.high
    assert found.difference_low < found.difference < found.difference_high < 0


def test_slices_of_few_documents_are_left_out() -> None:
    table = answered(100)
    origin = ["rare"] * 12 + ["usual"] * 88  # 6 documents
    slices, _ = slices_of("origin", origin)
    assert measure_slices(KIND, table, ["a", "b"], slices, BOOTSTRAP) == []


@pytest.mark.parametrize(
    ("problem", "gold", "predicted"),
    [
        ("regression", [float(n) for n in range(40)] + [3.0] * 40, [0.5, 1.5] * 40),
        ("token-classification", [["B-X", "O"]] * 40 + [["O", "O"]] * 40, [["O", "B-X"]] * 80),
        ("several-labels", [["a"], ["a", "b"]] * 20 + [[]] * 40, [["a"]] * 80),
    ],
)
def test_a_slice_whose_metric_is_the_same_for_all_answers_has_no_meaning(
    problem: str, gold: list[Any], predicted: list[Any]
) -> None:
    kind = load(problem)
    table = pd.DataFrame({"gold": gold, "predicted": predicted})
    slices, _ = slices_of("origin", ["press", "radio"] * 20 + ["film", "web"] * 20)
    known = have_meaning(kind, table, labels_of(kind, table), slices)
    assert {each.value for each, is_known in zip(slices, known, strict=True) if is_known} == {
        "press",
        "radio",
    }


def test_an_accuracy_has_a_meaning_for_one_label() -> None:
    table = answered(80)
    slices, _ = slices_of("label", list(table["gold"]))
    assert have_meaning(KIND, table, ["a", "b"], slices) == [True, True]


def test_many_numbers_are_split_into_quarters_and_few_are_values() -> None:
    quarters, _ = slices_of("stars", list(range(100)))
    assert [each.value for each in quarters] == ["0 to 24", "25 to 49", "50 to 74", "75 to 99"]
    assert sum(each.rows.sum() for each in quarters) == 100
    values, _ = slices_of("stars", [1, 2, 2, 3, None])
    assert [each.value for each in values] == ["2", "(empty)", "1", "3"]


def test_a_row_with_several_values_is_in_each_slice() -> None:
    slices, _ = slices_of("label", [["x", "y"], ["y"], []])
    assert {each.value: each.rows.tolist() for each in slices} == {
        "y": [True, True, False],
        "x": [True, False, False],
    }


def test_of_many_values_the_most_frequent_are_kept_and_the_others_counted() -> None:
    values = [f"v{number % 30}" for number in range(100)]
    slices, left_out = slices_of("origin", values)
    assert (len(slices), left_out) == (20, 10)


@pytest.mark.parametrize("problem", ["text-classification", "regression"])
def test_resamples_of_a_slice_and_of_the_others_are_those_of_their_rows_alone(problem: str) -> None:
    kind, table, labels = load(problem), answered(), ["a", "b"]
    if problem == "regression":
        numbers, labels = np.random.default_rng(0).normal(size=(2, len(table))), []
        table = table.assign(gold=numbers[0], predicted=numbers[0] + numbers[1])
    slices, _ = slices_of("origin", list(table["origin"]))
    found = measure_slices(kind, table, labels, slices, Bootstrap(50, 0.95, 0))
    position, number = documents_of(list(table["document"]))
    for each in found:
        rows = (table["origin"] == each.name).to_numpy()
        values = []
        for side in (rows, ~rows):
            part = table[side]
            scores = kind.score(part["gold"], part["predicted"], labels)
            weights = draw_weights(np.random.default_rng(0), number, 50)
            values.append(scores.by_group(position[side], number).measure(weights)[kind.HEADLINE])
        assert (each.low, each.high) == Bootstrap(50, 0.95, 0).interval(values[0])
        assert each.p <= min(1.0, p_value(values[0] - values[1]) * len(found))


def test_many_slices_of_many_documents_have_more_resamples_and_too_many_are_told() -> None:
    assert samples_of(2, 100_000, 0.95) == 2_000
    assert samples_of(60, 100_000, 0.95) >= fewest_samples(60, 0.95) > 2_300
    assert samples_of(400, 100_000, 0.95) == 10_000 < fewest_samples(400, 0.95)


def test_many_slices_take_the_memory_of_their_documents_alone() -> None:
    names = [f"label {number}" for number in range(40)]
    gold = np.random.default_rng(0).choice(names, 4000)
    table = pd.DataFrame({"document": range(4000), "gold": gold, "predicted": gold})
    values = [f"v{number % 20}" for number in range(4000)]
    slices = [each for column in ("a", "b") for each in slices_of(column, values)[0]]
    tracemalloc.start()
    measure_slices(KIND, table, names, slices, Bootstrap(20, 0.95, 0))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    whole = 4000 * 3 * 40 * 8  # bytes of the sums of all documents
    assert most < 15 * whole, "not 2 × 40 times"
