"""Confident learning: planted labels are found, and their share is estimated."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.statistics.confident_learning import find_suspects


def planted(share: float, rows: int = 3000, labels: int = 4) -> tuple[np.ndarray, ...]:
    """Probabilities of a good model, labels of which a share is wrong, and which these are."""
    generator = np.random.default_rng(2)
    true = generator.integers(0, labels, rows)
    logits = generator.normal(size=(rows, labels))
    logits[np.arange(rows), true] += 4
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    wrong = generator.random(rows) < share
    given = np.where(wrong, (true + generator.integers(1, labels, rows)) % labels, true)
    return shares, given, true, wrong


@pytest.mark.parametrize("share", [0.05, 0.2])
def test_most_planted_rows_are_found_and_few_others(share: float) -> None:
    shares, given, true, wrong = planted(share)
    found = find_suspects(shares, given)
    is_found = np.zeros(len(given), dtype=bool)
    is_found[found.rows] = True
    assert is_found[wrong].mean() > 0.85, "recall"
    assert wrong[is_found].mean() > 0.9, "precision"
    assert (found.suggested == true[found.rows])[wrong[found.rows]].mean() > 0.95


def test_the_share_of_wrong_labels_is_estimated() -> None:
    shares, given, _, wrong = planted(0.2)
    assert find_suspects(shares, given).share == pytest.approx(wrong.mean(), abs=0.02)


def test_the_most_suspicious_row_is_the_one_that_the_model_is_surest_of() -> None:
    shares = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.02, 0.98], [0.2, 0.8], [0.1, 0.9]])
    given = np.array([0, 0, 0, 0, 1, 1])
    found = find_suspects(shares, given)
    assert found.rows.tolist() == [3]
    assert found.suggested.tolist() == [1]


def test_a_label_without_rows_is_never_suggested() -> None:
    shares = np.array([[0.4, 0.1, 0.5], [0.3, 0.2, 0.5], [0.2, 0.6, 0.2]])
    found = find_suspects(shares, np.array([0, 0, 1]))
    assert 2 not in found.suggested
    assert found.joint.sum() == pytest.approx(1)


@pytest.mark.parametrize("elsewhere", [0.0, 1e-4])
def test_a_label_that_the_model_of_its_row_did_not_know_draws_no_other_row(
    elsewhere: float,
) -> None:
    shares, given, _, _ = planted(0.0)
    every = np.column_stack([shares, np.full(len(shares), elsewhere)])
    row = np.array([[0.7, 0.1, 0.1, 0.1, 0.0]])  # answered by the fold that lacks its label
    found = find_suspects(np.vstack([every, row]), np.append(given, 4))
    assert 4 not in found.suggested
    assert len(given) not in found.rows
    assert found.share < 0.02
