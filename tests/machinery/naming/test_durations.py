"""Times as people read them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tasks.machinery.naming.durations import age, duration, rough_duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.42, "0.4 s"), (42, "42 s"), (125, "2 min 05 s"), (4200, "1 h 10 min")],
)
def test_a_duration_is_precise_where_it_is_short(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(42, "42 s"), (130, "2 min"), (2500, "42 min"), (11_400, "3 h 10 min")]
)
def test_a_rough_duration_is_to_the_minute(seconds, text):
    assert rough_duration(seconds) == text


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (timedelta(days=3, hours=2), "3 days"),
        (timedelta(hours=7), "7 hours"),
        (timedelta(seconds=70), "1 minute"),
    ],
)
def test_an_age_is_in_its_largest_unit(time, text):
    assert age(time) == text
