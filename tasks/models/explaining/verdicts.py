"""What may be said of a method of explaining, by its checks. Imports are light."""

from __future__ import annotations

from collections.abc import Mapping

from tasks.machinery.naming.metric_name import MetricName

COMPLETENESS, FAITHFULNESS, LIKENESS = "completeness_error", "faithfulness", "random_likeness"

MOST_INCOMPLETE = 0.05  # of the difference of scores
MOST_ALIKE = 0.3  # rank correlation with a model of random weights; below 0 is unlike it too


def is_checked(metrics: Mapping[str, float], method: str) -> bool:
    """Whether a row has enough parts for the checks of a method's order."""
    return MetricName(FAITHFULNESS, method).low in metrics


def verdict(metrics: Mapping[str, float], method: str) -> str:
    """What may be said of a method: `occlusion passes its checks`."""
    if wrong := failures(metrics, method):
        return f"{method} fails: {'; '.join(wrong)}"
    if not is_checked(metrics, method):
        return f"{method}: no row has enough parts for the checks"
    return f"{method} passes its checks"


def failures(metrics: Mapping[str, float], method: str) -> list[str]:
    """The checks that a method fails, in words; none if it passes all that were made."""
    found = []
    error = metrics.get(str(MetricName(COMPLETENESS, method)))
    if error is not None and error > MOST_INCOMPLETE:
        found.append(
            f"its attributions miss {error:.0%} of the difference of scores that they should add "
            f"up to (at most {MOST_INCOMPLETE:.0%})"
        )
    faithful = MetricName(FAITHFULNESS, method)
    low, high = metrics.get(faithful.low), metrics.get(faithful.high)
    if high is not None and high < 0:
        found.append("its order of the parts is worse than a random one")
    elif low is not None and low <= 0:
        found.append("its order of the parts is not shown to be better than a random one")
    alike = metrics.get(str(MetricName(LIKENESS, method)))
    if alike is not None and alike > MOST_ALIKE:
        found.append(
            f"its attributions resemble those of a model with random weights (rank correlation "
            f"{alike:.2f}, at most {MOST_ALIKE:g}): they show the row more than the model"
        )
    return found
