"""Metrics under weights are the metrics of the rows that the weights stand for."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from tasks.experiment.retraining import Rule
from tasks.pages.decision_card import page
from tasks.problems import load
from tasks.problems.weighted import ByRow, Sums, Together, on_all_rows
from tasks.statistics import bootstrap
from tasks.statistics.bootstrap import Bootstrap, draw_weights
from tasks.statistics.promotion import decide
from tasks.statistics.significance import BETTER, WORSE, differences, least_p
from tests.support.added import rating
from tests.support.added.rating import model, scores

RATING = SimpleNamespace(**vars(rating) | vars(model) | vars(scores))
BY_ERROR = SimpleNamespace(**vars(RATING) | {"HEADLINE": "rmse"})
ROWS = 60


def answers_to(name):
    """A problem, and true and predicted answers to some rows."""
    draw = np.random.default_rng(3)
    if name == "rating":
        gold = draw.integers(0, 9, ROWS).astype(float)
        return RATING, gold, np.round(gold + draw.normal(0, 3, ROWS)), []
    labels = ["a", "b", "c", "d", "e"]
    gold, predicted = draw.choice(labels, (2, ROWS)).tolist()
    if name == "token-classification":
        tags = ["O", "B-X", "I-X", "B-Y", "I-Y"]
        gold, predicted = draw.choice(tags, (2, ROWS, 7)).tolist()
        labels = tags
    return load(name), gold, predicted, labels


@pytest.mark.parametrize("name", ["text-classification", "token-classification", "rating"])
def test_a_metric_under_weights_is_that_of_the_rows_repeated(name):
    kind, gold, predicted, labels = answers_to(name)
    weights = draw_weights(np.random.default_rng(1), ROWS, 20)
    found = kind.score(gold, predicted, labels).measure(weights)
    # Those of probabilities have a test of their own.
    assert found.keys() == kind.METRICS.keys() - {"roc_auc", "calibration_error"}
    for sample, drawn in enumerate(weights.astype(int)):
        rows = np.repeat(np.arange(ROWS), drawn)
        repeated = kind.score([gold[i] for i in rows], [predicted[i] for i in rows], labels)
        for metric, value in on_all_rows(repeated).items():
            assert found[metric][sample] == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize("name", ["text-classification", "token-classification", "rating"])
def test_documents_are_drawn_as_a_whole(name, monkeypatch):
    kind, gold, predicted, labels = answers_to(name)
    documents = [f"d{i % 7}" for i in range(ROWS)]
    boot = Bootstrap(30, 0.95, 2)
    [found] = boot.resample([kind.score(gold, predicted, labels)], documents)
    weights = draw_weights(np.random.default_rng(2), 7, 30)[:, np.arange(ROWS) % 7]
    expected = kind.score(gold, predicted, labels).measure(weights)
    for metric in expected:
        assert found[metric] == pytest.approx(expected[metric], abs=1e-12)
    monkeypatch.setattr(bootstrap, "DRAWS_AT_ONCE", 100)  # fewer numbers at once than two resamples
    [again] = boot.resample([kind.score(gold, predicted, labels)], documents)
    assert all((again[metric] == found[metric]).all() for metric in expected)


def test_the_rank_correlation_is_scipys():
    _, gold, predicted, _ = answers_to("rating")
    value = on_all_rows(scores.score(gold, predicted, []))["spearman"]
    assert value == pytest.approx(spearmanr(gold, predicted).statistic)


def test_documents_that_could_change_a_metric_are_counted():
    counts = np.array([[1, 0], [0, 1], [1, 1]])
    other = np.array([[1, 0], [1, 0], [1, 1]])
    sums = [Sums(each, lambda sums: {}) for each in (counts, other)]
    assert sums[0].differing(sums[1]).tolist() == [False, True, False]
    assert least_p(*sums, ["a", "b", "c"]) == 1.0
    assert least_p(*sums, ["a", "a", "c"]) == 1.0
    rows = [ByRow(np.arange(5.0) * factor, lambda weights: {}) for factor in (1, 2)]
    assert least_p(*rows, list("abcde")) == 2.0**-3  # the first is 0 for both


def test_metrics_that_are_computed_in_several_ways_are_resampled_together():
    _, gold, predicted, labels = answers_to("text-classification")
    counted = load("text-classification").score(gold, predicted, labels)
    by_row = ByRow(np.arange(ROWS) / ROWS, lambda weights: {"drawn": weights[:, 0]})
    both = Together((counted, by_row))
    documents = [f"d{i % 7}" for i in range(ROWS)]
    found, alone = Bootstrap(30, 0.95, 2).resample([both, counted], documents)
    assert found.keys() == alone.keys() | {"drawn"}
    assert all((found[metric] == alone[metric]).all() for metric in alone)
    other = Together((counted, ByRow(by_row.answers + 1, by_row.metrics)))
    assert not both.differing(other).any(), "the headline metric is that of the first part"


def rated(noise, seed, rows=300):
    """Ratings, each with an error of the model."""
    gold = np.random.default_rng(0).normal(5, 2, rows)
    predicted = gold + np.random.default_rng(seed).normal(0, noise, rows)
    return pd.DataFrame(
        {
            "document": [f"d{i // 2}" for i in range(rows)],
            "text": ["x" * (i % 50 + 1) for i in range(rows)],
            "gold": gold,
            "predicted": predicted,
        }
    )


@pytest.mark.parametrize("kind", [RATING, BY_ERROR], ids=["higher is better", "lower is better"])
def test_a_better_model_is_promoted_whatever_the_metric_is(kind):
    good, poor = rated(0.5, 1), rated(3.0, 2)
    rule = Rule(bootstrap_samples=300)
    mean = [5.0] * len(good)
    decision = decide(kind, rule, 0, [], challenger=good, champion=poor, majority=mean)
    assert decision.outcome == "promoted"
    assert decision.gain.low > 0
    first = decide(kind, rule, 0, [], challenger=good, champion=None, majority=mean)
    assert first.outcome == "first"
    back = decide(kind, rule, 0, [], challenger=poor, champion=good, majority=mean)
    assert back.outcome == "kept"
    assert back.reasons[0].startswith(f"worse: {back.gain.value:+.3f} of {kind.HEADLINE} against")
    assert any("quarter is worse by more than 0.05" in reason for reason in back.reasons)
    text = page(back, rule, "rating")
    assert "| metric | rows | champion | challenger | gain | verdict |" in text
    assert "points" not in text.partition("## Rule")[0]


@pytest.mark.parametrize("metric", ["spearman", "rmse"])
def test_a_paired_test_says_which_model_is_better(metric):
    tables = {"A": rated(0.5, 1), "B": rated(3.0, 2)}
    found = {name: scores.score(t["gold"], t["predicted"], []) for name, t in tables.items()}
    documents = list(tables["A"]["document"])
    boot = Bootstrap(1000, 0.95, 0)
    drawn = boot.resample(list(found.values()), documents)
    [said] = differences(
        {name: on_all_rows(each)[metric] for name, each in found.items()},
        {name: each[metric] for name, each in zip(found, drawn, strict=True)},
        150,
        boot,
        sign=rating.METRICS[metric].sign,
    )
    assert said.verdict == BETTER
    assert (said.value > 0) == (metric == "spearman")
    assert said.p < 0.01
    assert WORSE not in said.sentence
