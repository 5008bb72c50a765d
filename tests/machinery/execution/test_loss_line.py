"""The loss of a training in a line."""

from __future__ import annotations

import pytest

from tasks.machinery.execution.loss_line import LossLine, sparkline


def logged(*losses: float, **others: float) -> LossLine:
    line = LossLine()
    for loss in losses:
        line.add({"loss": loss, **others})
    return line


def test_it_shows_the_last_loss_its_trend_and_the_speed() -> None:
    assert logged(4.0, 3.5, tokens_per_second=12_345.6).latest() == "loss 3.500 ↘ 12,346 tokens/s"
    assert logged(4.0).latest() == "loss 4.000"
    assert logged().latest() == ""


@pytest.mark.parametrize(
    "losses, trend", [([3.0, 2.0], "↘"), ([2.0, 3.0], "↗"), ([2.0, 2.001], "→"), ([2.0], "")]
)
def test_a_trend_is_a_change_that_is_not_noise(losses: list[float], trend: str) -> None:
    assert logged(*losses).trend() == trend


def test_what_is_no_training_has_no_line() -> None:
    line = LossLine()
    line.add({"documents": 3.0})
    line.add({"validation_loss": 3.0})
    line.add({"loss": float("nan")})
    assert (line.latest(), line.whole()) == ("", "")


def test_the_whole_curve_is_drawn_from_the_first_to_the_last_value() -> None:
    assert logged(8.0, 4.5, 1.0).whole() == "loss 8.000 █▅▁ 1.000"
    assert sparkline([float(i) for i in range(240)])[::23] == "▁█"
    assert len(sparkline([float(i) for i in range(240)])) == 24
    assert sparkline([2.0, 2.0]) == "▁▁"
