"""The area under the ROC curve under weights, against sklearn on the rows that they stand for."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tasks.problems.ranking import CHANCE, Ranked, mean_area

NAMES = np.array(["a", "b", "c", "d"])


def drawn(seed: int, rows: int = 50, labels: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Labels, and probabilities with many ties, of rows that add up to 1."""
    draw = np.random.default_rng(seed)
    gold = draw.permutation(np.arange(rows) % labels)
    shares = draw.integers(1, 5, (rows, labels)) + 2 * np.eye(labels)[gold]
    return NAMES[gold], shares / shares.sum(axis=1, keepdims=True)


def ranked(gold: np.ndarray, shares: np.ndarray) -> list[Ranked]:
    return [Ranked.of(shares[:, i], gold == NAMES[i]) for i in range(shares.shape[1])]


@pytest.mark.parametrize("labels", [2, 3, 4])
@pytest.mark.parametrize("seed", range(4))
def test_the_mean_area_is_sklearns(seed: int, labels: int) -> None:
    gold, shares = drawn(seed, labels=labels)
    if labels == 2:  # sklearn takes the scores of the second of two
        expected = roc_auc_score(gold == NAMES[1], shares[:, 1])
    else:
        expected = roc_auc_score(gold, shares, multi_class="ovr")
    [found] = mean_area(ranked(gold, shares), np.ones((1, len(gold))))
    assert found == pytest.approx(expected, abs=1e-12)


def test_a_weight_is_a_number_of_rows() -> None:
    gold, shares = drawn(7)
    weights = np.random.default_rng(1).integers(0, 4, (20, len(gold))).astype(float)
    found = mean_area(ranked(gold, shares), weights)
    for value, times in zip(found, weights.astype(int), strict=True):
        rows = np.repeat(np.arange(len(gold)), times)
        expected = roc_auc_score(gold[rows], shares[rows], multi_class="ovr")
        assert value == pytest.approx(expected, abs=1e-12)


def test_resamples_without_a_class_have_the_mean_of_the_others() -> None:
    gold, shares = drawn(2)
    without = (gold != "d").astype(float)[None]
    found = mean_area(ranked(gold, shares), without)
    kept = gold != "d"
    each = [roc_auc_score(gold[kept] == name, shares[kept, i]) for i, name in enumerate("abc")]
    assert found == pytest.approx([np.mean(each)])


def test_resamples_of_one_class_are_chance() -> None:
    gold, shares = drawn(3)
    weights = np.stack([gold == "a", np.zeros(len(gold))]).astype(float)
    assert mean_area(ranked(gold, shares), weights).tolist() == [CHANCE, CHANCE]


def test_the_order_of_the_classes_changes_no_bit() -> None:
    gold, shares = drawn(4)
    weights = np.random.default_rng(1).integers(0, 4, (20, len(gold))).astype(float)
    one = ranked(gold, shares)
    assert (mean_area(one, weights) == mean_area(one[::-1], weights)).all()
