"""What the page of a comparison says of chance."""

from types import SimpleNamespace

import pytest

from tasks.comparison.page import on_seeds, shown_p

SEEDS, RATES = {"seed": ["0", "1"]}, {"downstream.mood.learning_rate": ["0.1", "0.2"]}


@pytest.mark.parametrize(
    "parameters, data, alone",
    [(SEEDS, {}, True), (SEEDS | RATES, {}, False), (SEEDS, {"corpus": ["a", "b"]}, False)],
)
def test_runs_that_differ_by_the_seed_alone_show_the_chance_in_training(parameters, data, alone):
    said = on_seeds(SimpleNamespace(parameters=parameters, data=data))
    assert said.startswith("These runs differ only in the seed") == alone


@pytest.mark.parametrize(
    "p, shown", [(0.0002, "<0.0003"), (0.0004, "0.0004"), (0.0123, "0.012"), (1.0, "1.000")]
)
def test_a_p_value_is_never_shown_as_zero(p, shown):
    assert shown_p(p, 10_000) == shown
