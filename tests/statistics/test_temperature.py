"""Temperature scaling finds the temperature that the answers were drawn with."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.statistics.temperature import HIGHEST, cross_entropies, fit, logs_of, tempered


def drawn(temperature: float, rows: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Log-probabilities that are `temperature` times too sure, and labels drawn from the truth."""
    generator = np.random.default_rng(3)
    logits = generator.normal(size=(rows, 5)) * 2
    shares = tempered(logits, 1.0)
    true = (shares.cumsum(axis=1) > generator.random((rows, 1))).argmax(axis=1)
    sure = tempered(logits * temperature, 1.0).astype(np.float32)
    return logs_of(sure), true


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_of_the_draw_is_found(temperature: float) -> None:
    found = fit(*drawn(temperature))
    assert found.value == pytest.approx(temperature, rel=0.05)
    assert not found.is_bound


def test_no_other_temperature_has_a_lower_cross_entropy() -> None:
    logs, true = drawn(2.0)
    best = fit(logs, true).value
    losses = [
        cross_entropies(tempered(logs, best * factor), true).mean() for factor in (0.98, 1, 1.02)
    ]
    assert losses[1] == min(losses)


def test_answers_that_are_all_right_or_all_wrong_determine_none() -> None:
    logs, _ = drawn(1.0, rows=50)
    always = fit(logs, logs.argmax(axis=1))
    never = fit(logs, logs.argmin(axis=1))
    assert always.is_bound
    assert always.value == pytest.approx(1 / HIGHEST)
    assert never.is_bound
    assert never.value == pytest.approx(HIGHEST)


def test_no_answer_changes() -> None:
    logs, _ = drawn(2.0, rows=200)
    assert (tempered(logs, 7.0).argmax(axis=1) == logs.argmax(axis=1)).all()
