"""The bounds of a rule that depend on the problem: a share is never more than 1. Light."""

from __future__ import annotations

from tasks.experiment.mistakes import InvalidExperimentError
from tasks.experiment.retraining import Rule
from tasks.problems import described


def require_bounds(rule: Rule, problem: str) -> None:
    """Check a rule against the units of a problem's metrics.

    Args:
        rule: what a challenger must show.
        problem: what is predicted, such as `text-classification`.

    Raises:
        InvalidExperimentError: with a line for each bound on a share that is above 1.
    """
    kind = described(problem)
    headline = kind.METRICS[kind.HEADLINE]
    measured = {"minimum_gain": headline, "worst_slice_loss": headline}
    if kind.PARTS is not None:
        measured["worst_class_loss"] = kind.PARTS.metric
    lines = [
        f"rule.{name}: found {getattr(rule, name):g}; accepted: at most 1, since {metric.words} "
        "is a share: 0.01 is one percentage point"
        for name, metric in measured.items()
        if metric.unit == "share" and getattr(rule, name) > 1
    ]
    if lines:
        raise InvalidExperimentError(lines)
