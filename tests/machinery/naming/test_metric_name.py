"""Names of results are parsed to what they were formatted from."""

import pytest

from tasks.machinery.naming.metric_name import (
    DOWNSTREAM,
    FROM_SCRATCH,
    HIGH,
    LOW,
    MAJORITY,
    SEEDS_MEAN,
    SEEDS_SPREAD,
    MetricName,
    headline_of,
)

NAMES = {
    "downstream/library/accuracy": MetricName("accuracy", problem="library"),
    "downstream/library/majority/accuracy": MetricName("accuracy", "majority", "library"),
    "downstream/library/from_scratch/f1/low": MetricName(
        "f1", "from_scratch", "library", end="low"
    ),
    "downstream/low/gain/high": MetricName("gain", problem="low", end="high"),
    "pretraining/validation_loss": MetricName("validation_loss", stage="pretraining"),
    "judgement/challenger/accuracy/low": MetricName(
        "accuracy", "challenger", stage="judgement", end="low"
    ),
    "downstream/library/seeds_mean/accuracy": MetricName("accuracy", "seeds_mean", "library"),
    "downstream/library/seeds": MetricName("seeds", problem="library"),
    "loss": MetricName("loss"),
}


@pytest.mark.parametrize(("name", "parts"), NAMES.items())
def test_a_name_is_parsed_and_formatted(name, parts):
    assert MetricName.parse(name) == parts
    assert str(parts) == name


def test_a_problem_may_have_the_name_of_a_model_or_of_an_end():
    for problem in ("majority", "from_scratch", "high", "gain"):
        name = MetricName("macro_f1", "majority", problem)
        assert MetricName.parse(str(name)) == name


def test_the_ends_of_an_interval_have_names_of_their_own():
    name = MetricName("gain", problem="library")
    assert (name.low, name.high) == ("downstream/library/gain/low", "downstream/library/gain/high")


def test_the_headline_is_the_metric_that_the_baseline_has():
    names = [name for name in NAMES if "/library/" in name]
    assert headline_of(names, "library") == "accuracy"
    assert headline_of(names, "other") == ""


def test_the_words_of_names_are_these_in_every_artifact_and_run():
    # They are in no key: with other words, results that are cached would not be found.
    assert (DOWNSTREAM, MAJORITY, FROM_SCRATCH) == ("downstream", "majority", "from_scratch")
    assert (LOW, HIGH) == ("low", "high")
    assert (SEEDS_MEAN, SEEDS_SPREAD) == ("seeds_mean", "seeds_spread")
