"""The verdict on a gain: only an interval off zero, over enough documents, decides."""

import subprocess
import sys

import pytest

from tasks.problems import Metric
from tasks.statistics.verdict import CHANCE, HELPS, HURTS, beyond_majority, over_seeds, verdict


def metrics(low, high, documents=200.0, prefix=""):
    found = {"gain": (low + high) / 2, "gain/low": low, "gain/high": high}
    return {prefix + name: v for name, v in {**found, "test_documents": documents}.items()}


@pytest.mark.parametrize(
    "low, high, said",
    [
        (0.01, 0.09, HELPS),
        (0.0, 0.09, CHANCE),
        (0.0, 0.0, CHANCE),
        (-0.09, 0.0, CHANCE),
        (-0.09, -0.01, HURTS),
    ],
)
def test_an_interval_that_touches_zero_shows_no_gain(low, high, said):
    assert verdict(metrics(low, high)) == said


def test_few_documents_cannot_tell():
    assert verdict(metrics(0.01, 0.09, documents=9.0)) == "too few test documents (9) to tell"
    assert verdict(metrics(0.01, 0.09, documents=10.0)) == HELPS


def test_the_metrics_may_be_those_of_a_run_and_without_a_gain_nothing_is_said():
    found = metrics(-0.2, -0.1, prefix="downstream/library/")
    assert verdict(found, "library") == HURTS
    assert verdict({"accuracy": 0.5, "test_documents": 200.0}) == ""


@pytest.mark.parametrize(
    "value, low, said",
    [
        (0.5, 0.42, "no better than always answering glad: it may have learnt nothing"),
        (0.44, 0.4, "no better than always answering glad: it may have learnt nothing"),
        (
            0.55,
            0.5,
            "not shown to be better than always answering glad: it may have learnt nothing",
        ),
        (0.55, 0.51, ""),
    ],
)
def test_a_model_that_may_have_learnt_nothing_is_pointed_out(value, low, said):
    found = {"accuracy": value, "accuracy/low": low, "majority/accuracy": 0.5}
    assert beyond_majority(found, "accuracy", "glad") == said
    of_run = {f"downstream/moods/{name}": number for name, number in found.items()}
    assert beyond_majority(of_run, "accuracy", "glad", "moods") == said


def test_the_spread_over_seeds_says_which_uncertainty_it_is():
    found = {"seeds": 5.0, "seeds_mean/accuracy": 0.712, "seeds_spread/accuracy": 0.0112}
    accuracy = Metric("accuracy")
    said = over_seeds(found, "accuracy", accuracy)
    assert said == (
        "over 5 training seeds, accuracy 71.2 ± 1.1 % (mean ± standard deviation on the same test "
        "documents; the intervals are of the first seed, over test documents)"
    )
    found |= {"seeds_mean/gain": 0.031, "seeds_spread/gain": 0.008}
    of_run = {f"downstream/moods/{name}": number for name, number in found.items()}
    said = over_seeds(of_run, "accuracy", accuracy, "moods")
    assert "accuracy 71.2 ± 1.1 % and gain +3.1 ± 0.8 points (mean" in said
    assert over_seeds({"accuracy": 0.7}, "accuracy", accuracy) == ""


def test_it_loads_nothing_heavy():
    heavy = "{'torch', 'numpy', 'matplotlib'}"
    code = f"import sys, tasks.statistics.verdict; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
