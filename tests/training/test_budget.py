"""A bound of time: a training ends in time, the learning rate at the end of its schedule."""

import time
from dataclasses import replace

import pytest

from tasks.contract import Silent
from tasks.training.schedule import Budget, factor
from tests.training.test_loop import RECIPE, Counting, assert_same, run, weights
from tests.training.test_resumption import EVERY_STEP


class Clock:
    """A clock that goes only when a batch is made, or a validation."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    found = Clock()
    monkeypatch.setattr(time, "perf_counter", found)
    return found


class Slow(Counting):
    """Batches that take a second each; one of them does not come."""

    def __init__(self, clock, steps=10_000, stop_at=None):
        super().__init__(steps=steps)
        self.clock, self.stop_at = clock, stop_at

    def __getitem__(self, step):
        if step == self.stop_at:
            raise KeyboardInterrupt
        self.clock.now += 1
        return super().__getitem__(step)


def bounded(seconds, **changes):
    return replace(RECIPE, minutes=seconds / 60, log_every=1, **changes)


@pytest.mark.parametrize("schedule", ["linear", "cosine", "constant", "flat"])
@pytest.mark.parametrize("warmup", [0.0, 0.2])
def test_the_learning_rate_follows_what_is_used_up(schedule, warmup):
    end = 1.0 if schedule == "constant" else 0.0
    assert factor(schedule, warmup, 1.0) == pytest.approx(end)
    assert factor(schedule, warmup, warmup) == pytest.approx(1)
    rates = [factor(schedule, warmup, share / 100) for share in range(101)]
    rising = int(100 * warmup)
    assert rates[: rising + 1] == sorted(rates[: rising + 1])
    assert rates[rising:] == sorted(rates[rising:], reverse=True)


def test_a_flat_rate_stays_at_its_peak_and_falls_in_the_last_fifth():
    shares = [0.1, 0.2, 0.5, 0.8, 0.9, 1.0]
    rates = [factor("flat", 0.2, share) for share in shares]
    assert rates == pytest.approx([0.5, 1, 1, 1, 0.5, 0])
    assert factor("flat", 0.9, 0.95) == pytest.approx(0.5), "a longer warm-up leaves less"
    assert factor("flat", 1.0, 1.0) == 1


def test_a_flat_rate_is_the_same_by_steps_and_by_time(clock):
    recipe = replace(RECIPE, schedule="flat", log_every=1)
    _, history, _ = run(recipe, batches=Counting(steps=20))
    rates = [0, 0.25, 0.5, 0.75, *[1.0] * 13, 0.75, 0.5, 0.25]
    found = history.curve("learning_rate")[1]
    assert found == pytest.approx([RECIPE.learning_rate * rate for rate in rates])
    _, by_time, _ = run(bounded(20, schedule="flat"), batches=Slow(clock))
    assert by_time.curve("learning_rate")[1] == pytest.approx(found)


def test_one_with_a_flat_rate_resumes_to_the_same_bits(clock, tmp_path):
    recipe = replace(RECIPE, schedule="flat")
    whole, expected, _ = run(recipe)
    monitor = Silent(checkpoints=tmp_path)
    with pytest.raises(KeyboardInterrupt):
        batches = Slow(clock, steps=20, stop_at=18)
        run(recipe, batches=batches, monitor=monitor, checkpoints=EVERY_STEP)
    resumed, found, _ = run(recipe, monitor=monitor)
    assert found.curve("learning_rate") == expected.curve("learning_rate")
    assert_same(weights(resumed), weights(whole))


def test_steps_and_time_are_used_up_whichever_comes_first():
    budget = Budget(100, 60.0)
    assert budget.used(50, 6.0) == 0.5
    assert budget.used(10, 45.0) == 0.75
    assert budget.used(10, 61.0) == 1
    assert Budget(100).used(10, 10**6) == 0.1
    assert budget.expected_steps(10, 6.0) == 100
    assert budget.expected_steps(10, 30.0) == 20
    assert budget.expected_steps(0, 0.0) == 100


def test_it_ends_in_time_at_the_end_of_the_schedule(clock):
    _, history, monitor = run(bounded(40), batches=Slow(clock))
    steps, rates = history.curve("learning_rate")
    assert steps == list(range(1, 41))
    rise, fall = [n / 8 for n in range(8)], [(32 - n) / 32 for n in range(32)]
    assert rates == pytest.approx([RECIPE.learning_rate * share for share in rise + fall])
    assert monitor.last == (40, 40, "steps")


def test_it_stops_after_its_steps_if_they_come_first(clock):
    _, expected, _ = run(replace(RECIPE, log_every=1))
    _, found, _ = run(bounded(3600), batches=Slow(clock, steps=20))
    for metric in ("learning_rate", "loss"):
        assert found.curve(metric)[1] == pytest.approx(expected.curve(metric)[1])


def test_validations_follow_the_time_and_do_not_count(clock):
    def validate():
        clock.now += 7
        return {"validation_loss": 1.0}

    options = {"validate": validate, "validate_every": 500}
    _, history, _ = run(bounded(40), batches=Slow(clock, steps=2000), **options)
    assert history.curve("validation_loss")[0] == [10, 20, 30, 40]
    assert history.points[-1]["step"] == 40


def test_one_that_goes_on_uses_what_is_left(clock, tmp_path):
    whole, expected, _ = run(bounded(40), batches=Slow(clock))
    monitor = Silent(checkpoints=tmp_path)
    with pytest.raises(KeyboardInterrupt):
        run(bounded(40), batches=Slow(clock, stop_at=15), monitor=monitor, checkpoints=EVERY_STEP)
    clock.now += 1000  # between the two, nothing is counted
    resumed, found, _ = run(bounded(40), batches=Slow(clock), monitor=monitor)
    for metric in ("learning_rate", "loss"):
        assert found.curve(metric) == expected.curve(metric)
    assert_same(weights(resumed), weights(whole))


def test_one_whose_time_is_up_makes_no_further_step(clock, tmp_path):
    monitor = Silent(checkpoints=tmp_path)
    whole, expected, _ = run(
        bounded(10), batches=Slow(clock), monitor=monitor, checkpoints=EVERY_STEP
    )
    batches = Slow(clock)
    model, history, _ = run(bounded(10), batches=batches, monitor=monitor)
    assert batches.asked == []
    assert history.points == expected.points
    assert_same(weights(model), weights(whole))


def test_time_that_runs_out_before_a_step_is_logged_leaves_no_end_without_a_validation(clock):
    class Slowly(Silent):
        def progress(self, done, total, unit):
            super().progress(done, total, unit)
            clock.now += 0.4  # six steps have used 8.0 seconds when they end, and 8.4 when logged

    validate = {"validate": lambda: {"validation_loss": 1.0}, "validate_every": 5000}
    batches = Slow(clock)
    _, history, monitor = run(bounded(8.3), batches=batches, monitor=Slowly(), **validate)
    last = monitor.last[0]
    assert history.curve("validation_loss")[0][-1] == last
    assert history.curve("loss")[0][-1] == last
    assert len(batches.asked) == last
