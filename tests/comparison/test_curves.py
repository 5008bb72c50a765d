"""Curves by time: from the start of training, without the pauses of a killed run."""

import pytest

from tasks.comparison.curves import curves_of, seconds_since_start
from tasks.comparison.energy import Power, Spent


def test_time_starts_at_the_start_of_training():
    assert seconds_since_start([(10, 1000.0), (20, 1005.0), (30, 1010.0)]) == [5.0, 10.0, 15.0]
    assert seconds_since_start([(10, 1000.0)]) == [0.0]
    assert seconds_since_start([]) == []


def test_the_pause_of_a_killed_run_is_no_training():
    points = [(1, 0.0), (2, 1.0), (3, 2.0), (4, 7203.0), (5, 7204.0)]
    assert seconds_since_start(points) == [1.0, 2.0, 3.0, 4.0, 5.0]


def test_a_slow_validation_is_training():
    assert seconds_since_start([(1, 0.0), (2, 1.0), (2, 21.0), (3, 22.0)]) == [1, 2, 22, 23]


def test_each_metric_has_its_own_points_each_step_once():
    points = [
        (2, 11.0, {"loss": 1.0}),
        (1, 10.0, {"loss": 2.0, "rate": 0.1}),
        (2, 12.0, {"loss": 9.0, "validation_loss": 3.0}),
    ]
    found = curves_of(points)
    assert (found["loss"].steps, found["loss"].values) == ([1, 2], [2.0, 1.0])
    assert (found["validation_loss"].steps, found["validation_loss"].last) == ([2], 3.0)
    assert found["loss"].seconds == [1.0, 2.0]


def test_energy_is_seconds_times_watts_times_use():
    power = Power.assumed(100.0)
    assert Spent(3600, 0.5).watt_hours(power) == pytest.approx(50)
    assert Spent(3600).watt_hours(power) == pytest.approx(100), "full use where it is not known"
    assert Spent(3600, 0.0, gpu_watts=300).watt_hours(power) == pytest.approx(300)


def test_the_default_says_what_it_assumes():
    power = Power.assumed()
    assert power.watts % 12 == 0
    assert "12 W" in power.source
    assert "Green Algorithms" in power.source
