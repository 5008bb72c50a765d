"""Bootstrap intervals, against what is known in closed form."""

import numpy as np
import pytest

from tasks.contract import StageError
from tasks.problems.weighted import Sums
from tasks.statistics import bootstrap
from tasks.statistics.bootstrap import Bootstrap, draw_weights


def rows(count, share, seed):
    return (np.random.default_rng(seed).random((count, 1)) < share).astype(np.int64)


def names(count):
    return [str(i) for i in range(count)]


def resampled(boot, counts, documents):
    """The sums of counts of shape (rows, sums) over the resamples."""
    [found] = boot.resample(
        [Sums(counts, lambda sums: {str(i): each for i, each in enumerate(sums.T)})], documents
    )
    return np.stack(list(found.values()), axis=1)


def share_interval(right, documents, confidence=0.95, samples=4000):
    boot = Bootstrap(samples, confidence, seed=0)
    counts = np.hstack([right, np.ones_like(right)])
    sums = resampled(boot, counts, documents)
    return boot.interval(sums[:, 0] / sums[:, 1])


@pytest.mark.parametrize("confidence, z", [(0.95, 1.96), (0.8, 1.2816)])
def test_the_interval_of_a_share_is_the_binomial_one(confidence, z):
    right = rows(2000, 0.3, seed=1)
    low, high = share_interval(right, names(2000), confidence)
    share = right.mean()
    error = z * np.sqrt(share * (1 - share) / 2000)
    assert low == pytest.approx(share - error, abs=0.0015)
    assert high == pytest.approx(share + error, abs=0.0015)


def test_intervals_cover_the_truth_as_often_as_they_say():
    boot = Bootstrap(500, 0.9, seed=0)
    covered = 0
    for seed in range(300):
        low, high = boot.interval(resampled(boot, rows(200, 0.7, seed), names(200))[:, 0] / 200)
        covered += low <= 0.7 <= high
    assert 0.85 <= covered / 300 <= 0.95


def test_copies_of_a_row_in_its_document_add_no_certainty():
    right = rows(300, 0.5, seed=2)
    once = share_interval(right, names(300))
    copied = np.repeat(right, 10, axis=0)
    by_document = share_interval(copied, np.repeat(names(300), 10).tolist())
    by_row = share_interval(copied, names(3000))
    assert by_document == pytest.approx(once, abs=1e-12)
    assert by_row[1] - by_row[0] < 0.4 * (once[1] - once[0])


def test_two_equal_models_differ_by_exactly_nothing():
    right = rows(500, 0.6, seed=3)
    boot = Bootstrap(1000, 0.95, seed=0)
    sums = resampled(boot, np.hstack([right, right]), names(500))
    assert boot.interval(sums[:, 0] - sums[:, 1]) == (0.0, 0.0)


def test_pairing_makes_a_small_difference_certain():
    worse = rows(1000, 0.6, seed=4)
    better = worse.copy()
    better[np.flatnonzero(worse == 0)[:20]] = 1
    boot = Bootstrap(2000, 0.95, seed=0)
    sums = resampled(boot, np.hstack([better, worse]), names(1000))
    low, high = boot.interval((sums[:, 0] - sums[:, 1]) / 1000)
    assert 0.01 < low < 0.02 < high < 0.03
    apart = share_interval(better, names(1000)), share_interval(worse, names(1000))
    assert apart[0][0] < apart[1][1], "unpaired, the two intervals overlap"


def test_the_resamples_are_a_function_of_the_seed_and_not_of_the_memory_at_hand(monkeypatch):
    counts = rows(101, 0.5, seed=5)
    once = resampled(Bootstrap(200, 0.95, seed=1), counts, names(101))
    assert (once == resampled(Bootstrap(200, 0.95, seed=1), counts, names(101))).all()
    assert (once != resampled(Bootstrap(200, 0.95, seed=2), counts, names(101))).any()
    monkeypatch.setattr(bootstrap, "DRAWS_AT_ONCE", 1000)
    assert (once == resampled(Bootstrap(200, 0.95, seed=1), counts, names(101))).all()


def test_weights_draw_as_many_documents_as_there_are():
    weights = draw_weights(np.random.default_rng(0), 7, 1000)
    assert weights.shape == (1000, 7)
    assert (weights.sum(axis=1) == 7).all()
    assert weights.mean(axis=0) == pytest.approx(np.ones(7), abs=0.1)


def test_a_metric_that_is_undefined_on_a_resample_is_an_error_and_no_interval():
    def metrics(sums):
        with np.errstate(invalid="ignore"):
            return {"precision": sums[..., 0] / sums[..., 1]}

    counts = np.array([[1, 1], [0, 0], [0, 0]])
    with pytest.raises(StageError, match=r"metric precision is not a finite number on \d+ of 100"):
        Bootstrap(100, 0.95, seed=0).resample([Sums(counts, metrics)], names(3))
