"""The verdict on a gain, with the same words in the terminal, on the pages and in the report."""

from __future__ import annotations

from collections.abc import Mapping

from tasks.machinery.naming.metric_name import MAJORITY, MetricName
from tasks.statistics.documents import FEWEST_DOCUMENTS

HELPS, HURTS, CHANCE = "pre-training helps", "pre-training hurts", "no gain shown, could be chance"


def beyond_majority(
    metrics: Mapping[str, float],
    metric: str,
    answer: str,
    problem: str = "",
    model: str = "",
    *,
    sign: int = 1,
) -> str:
    """The remark on a model that may have learnt nothing.

    Args:
        metrics: of stage evaluation, or of a run.
        metric: name of the headline metric.
        answer: what the majority baseline always answers.
        problem: the problem, where they are those of a run.
        model: whose metrics, such as FROM_SCRATCH; empty for the model itself.
        sign: 1 where higher is better, -1 where lower is.

    Returns:
        That it is no better than the baseline, or not shown to be; empty where it is better.
    """
    baseline = metrics[str(MetricName(metric, MAJORITY, problem))]
    measured = MetricName(metric, model, problem)
    worst_end = measured.low if sign > 0 else measured.high
    if sign * metrics[worst_end] > sign * baseline:
        return ""
    worse = sign * metrics[str(measured)] <= sign * baseline
    said = "no better" if worse else "not shown to be better"
    return f"{said} than always answering {answer}: it may have learnt nothing"


def verdict(metrics: Mapping[str, float], problem: str = "") -> str:
    """What the interval of a gain says.

    Args:
        metrics: of stage evaluation, or of a run.
        problem: the problem, where they are those of a run.

    Returns:
        HELPS, HURTS, CHANCE or "too few test documents (n) to tell"; empty where there is no gain.
    """
    gain = MetricName("gain", problem=problem)
    if gain.low not in metrics:
        return ""
    documents = metrics[str(MetricName("test_documents", problem=problem))]
    if documents < FEWEST_DOCUMENTS:
        return f"too few test documents ({documents:.0f}) to tell"
    if metrics[gain.low] > 0:
        return HELPS
    return HURTS if metrics[gain.high] < 0 else CHANCE
