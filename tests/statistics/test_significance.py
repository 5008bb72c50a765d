"""Significance: p-values that chance makes uniform, and a correction worked out by hand."""

import numpy as np
import pytest

from tasks.problems.weighted import Sums
from tasks.statistics.bootstrap import Bootstrap
from tasks.statistics.significance import (
    BETTER,
    CHANCE,
    NONE,
    WORSE,
    Difference,
    corrected,
    differences,
    holm,
    p_value,
    samples_for,
)


def difference_of(first, second, samples=1000, seed=0):
    """Two models' right answers, a document each, as `Difference`."""
    bootstrap = Bootstrap(samples, 0.95, seed)
    documents = [f"{i:04}" for i in range(len(first))]
    models = [Sums(each[:, None], lambda sums: {"right": sums[..., 0]}) for each in (first, second)]
    drawn = [each["right"] / len(first) for each in bootstrap.resample(models, documents)]
    values = {"A": float(np.mean(first)), "B": float(np.mean(second))}
    [found] = differences(values, {"A": drawn[0], "B": drawn[1]}, len(first), bootstrap)
    return found


def pairs(number, documents=200, gain=0.0):
    draw = np.random.default_rng(7)
    for _ in range(number):
        hard = draw.random(documents)  # the same documents are hard for both
        yield tuple(
            (draw.random(documents) * 0.6 + hard * 0.4 < 0.5 + extra).astype(np.int64)
            for extra in (gain, 0.0)
        )


def test_holm_as_worked_out_by_hand():
    # 0.005 x 4 = 0.02; 0.01 x 3 = 0.03; 0.03 x 2 = 0.06; 0.04 x 1 = 0.04, but never below 0.06.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])
    assert holm([0.2]) == [0.2]
    assert holm([]) == []


def test_between_equals_p_values_are_about_uniform():
    values = np.array([difference_of(*each, seed=i).p for i, each in enumerate(pairs(400))])
    for level in (0.05, 0.1, 0.25, 0.5, 0.75):
        error = 3 * np.sqrt(level * (1 - level) / len(values))
        assert abs((values <= level).mean() - level) < error + 0.02, level


def test_what_is_better_is_found_and_the_other_way_round_worse():
    [(good, poor)] = pairs(1, documents=400, gain=0.15)
    found, turned = corrected([difference_of(good, poor), difference_of(poor, good)])
    assert found.verdict == BETTER
    assert found.sentence == "A is better than B"
    assert turned.verdict == WORSE
    assert turned.sentence == "A is worse than B"
    assert found.value == pytest.approx(-turned.value)


def test_the_interval_and_the_p_value_never_contradict_each_other():
    for gain in (0.0, 0.03, 0.06):
        for first, second in pairs(40, gain=gain):
            found = difference_of(first, second)
            if found.low > 0 or found.high < 0:
                assert found.p <= 0.0501
            if found.low < 0 < found.high:
                assert found.p >= 0.0499


def test_identical_models_do_not_differ():
    [(answers, _)] = pairs(1)
    [found] = corrected([difference_of(answers, answers)])
    assert (found.value, found.low, found.high, found.p, found.adjusted) == (0, 0, 0, 1, 1)
    assert found.verdict == NONE
    assert found.sentence == "A and B: no difference at all"


def test_no_p_value_is_zero():
    assert p_value(np.full(999, 0.3)) == pytest.approx(2 / 1000)
    assert p_value(np.zeros(999)) == 1.0


def test_a_difference_that_only_many_comparisons_make_is_chance():
    alone = Difference("A", "B", 0.1, 0.01, 0.2, p=0.03, documents=100)
    assert alone.verdict == BETTER
    [first, *_] = corrected([alone, Difference("A", "C", 0.0, -0.1, 0.1, p=0.9, documents=100)])
    assert first.adjusted == pytest.approx(0.06)
    assert first.verdict == CHANCE


def test_few_documents_cannot_tell():
    found = Difference("A", "B", 0.5, 0.4, 0.6, p=0.001, documents=9)
    assert found.verdict == "too few test documents (9) to tell"


def test_more_documents_get_fewer_resamples_but_never_few():
    assert samples_for(100) == 10_000
    assert samples_for(100_000) == 2_000
    assert samples_for(10**9) == 1_000
