"""What is said of a model and the field's simple one."""

from __future__ import annotations

import pytest

from tasks.problems import Metric
from tasks.statistics.verdict import BETTER, OPEN, WORSE, against_simple, simple_verdict


def measured(value: float, low: float, high: float, documents: int = 100) -> dict[str, float]:
    found = {"over_simple": value, "over_simple/low": low, "over_simple/high": high}
    return found | {"test_documents": float(documents)}


@pytest.mark.parametrize(
    ("metrics", "verdict", "said"),
    [
        (
            measured(0.05, 0.01, 0.09),
            BETTER,
            "better than the simple model (words) by 5.0 points [1.0, 9.0]",
        ),
        (
            measured(-0.086, -0.1, -0.07),
            WORSE,
            "the simple model (words) is better by 8.6 points [7.0, 10.0]; more labels, more "
            "to pre-train on or a published model may help",
        ),
        (
            measured(0.01, -0.02, 0.04),
            OPEN,
            f"{OPEN} (words): +1.0 points [-2.0, +4.0]",
        ),
    ],
)
def test_the_interval_tells_who_is_better(
    metrics: dict[str, float], verdict: str, said: str
) -> None:
    assert simple_verdict(metrics) == verdict
    assert against_simple(metrics, Metric("accuracy"), "words") == said
    of_a_run = {f"downstream/mood/{name}": value for name, value in metrics.items()}
    assert against_simple(of_a_run, Metric("accuracy"), "words", "mood") == said


def test_few_documents_tell_nothing() -> None:
    few = measured(0.5, 0.4, 0.6, documents=9)
    assert "too few test documents (9)" in against_simple(few, Metric("accuracy"), "words")


def test_without_a_simple_model_nothing_is_said() -> None:
    assert against_simple({"test_documents": 100.0}, Metric("accuracy"), "words") == ""
