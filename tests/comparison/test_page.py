"""What the page of a comparison says of chance."""

import pytest

from tasks.comparison.comparison import MetricRow, Value
from tasks.comparison.page import _metric_name, _shown, _told_apart, shown_p


def test_a_count_is_whole_and_a_metric_says_if_lower_is_better():
    steps = MetricRow("pretraining/steps", [Value(2500.0)])
    assert _shown(steps, steps.values[0]) == "2,500"
    rmse = MetricRow("downstream/stars/rmse", [Value(0.25)], way=-1)
    assert (_metric_name(rmse), _shown(rmse, rmse.values[0])) == (
        "stars/rmse (lower is better)",
        "0.250",
    )


@pytest.mark.parametrize(
    "p, shown", [(0.0002, "<0.0003"), (0.0004, "0.0004"), (0.0123, "0.012"), (1.0, "1.000")]
)
def test_a_p_value_is_never_shown_as_zero(p, shown):
    assert shown_p(p, 10_000) == shown


def test_parameters_that_differ_are_shown_with_what_differs():
    assert _told_apart(["1", "2", None]) == ["1", "2", "–"]
    long = [f"hf:{'owner/name' * 12}@{revision}" for revision in ("main", "other")]
    shown = _told_apart([*long, None])
    assert [each[-5:] for each in shown] == ["@main", "other", "–"]
    assert max(map(len, shown)) <= 61
