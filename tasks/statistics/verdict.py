"""The verdict on a gain, with the same words in the terminal, on the pages and in the report."""

from __future__ import annotations

from collections.abc import Mapping

from tasks.experiment.training import FULL
from tasks.machinery.naming.metric_name import (
    GAIN,
    MAJORITY,
    OVER_SIMPLE,
    OVER_START,
    SEEDS,
    SEEDS_MEAN,
    SEEDS_SPREAD,
    MetricName,
)
from tasks.problems import Metric
from tasks.statistics import numbers
from tasks.statistics.documents import FEWEST_DOCUMENTS

BETTER, WORSE = "better than the simple model", "worse than the simple model"
OPEN = "not shown to be better than the simple model"
IN_FULL = "random weights tuned in full"
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


def against_simple(
    metrics: Mapping[str, float], metric: Metric, words: str, problem: str = ""
) -> str:
    """What the interval of the difference from the simple model says.

    Args:
        metrics: of stage evaluation, or of a run.
        metric: the headline metric.
        words: the simple model in words.
        problem: the problem, where they are those of a run.

    Returns:
        Who is better, by how much, with the interval; empty where there is no simple model.
    """
    over = MetricName(OVER_SIMPLE, problem=problem)
    said = simple_verdict(metrics, problem)
    if not said:
        return ""
    value, ends = metrics[str(over)], (metrics[over.low], metrics[over.high])
    by = numbers.amount_of(value, metric.unit)
    low, high = sorted(map(abs, ends))  # of a difference that has one direction
    amounts = numbers.interval(low, high, metric.unit)
    if said == BETTER:
        return f"better than the simple model ({words}) by {by} {amounts}"
    if said == WORSE:
        return (
            f"the simple model ({words}) is better by {by} {amounts}; more labels, more to "
            "pre-train on or a published model may help"
        )
    interval = numbers.interval(*ends, metric.unit, "+")
    return f"{said} ({words}): {numbers.gain(value, metric.unit)} {interval}"


def over_seeds(metrics: Mapping[str, float], name: str, metric: Metric, problem: str = "") -> str:
    """The mean and the spread of a metric and of the gain over fine-tunings with several seeds.

    Args:
        metrics: of stage evaluation, or of a run.
        name: of the headline metric.
        metric: the headline metric.
        problem: the problem, where they are those of a run.

    Returns:
        The numbers, and which uncertainty they are; empty where there is one seed.
    """
    seeds = metrics.get(str(MetricName(SEEDS, problem=problem)))
    if seeds is None:
        return ""
    told = []
    for each, words, sign in ((name, metric.words, ""), (GAIN, "gain", "+")):
        mean, spread = (
            metrics.get(str(MetricName(each, model, problem)))
            for model in (SEEDS_MEAN, SEEDS_SPREAD)
        )
        if mean is not None and spread is not None:
            told.append(f"{words} {numbers.with_deviation(mean, spread, metric.unit, sign)}")
    return (
        f"over {seeds:.0f} training seeds, {' and '.join(told)} (mean ± standard deviation on the "
        "same test documents; the intervals are of the first seed, over test documents)"
    )


def against_start(metrics: Mapping[str, float], metric: Metric, problem: str = "") -> str:
    """What the interval of the difference from the model before pre-training here says.

    Args:
        metrics: of stage evaluation, or of a run.
        metric: the headline metric.
        problem: the problem, where they are those of a run.

    Returns:
        Whether continuing its pre-training helped, with the interval; empty where it was not asked.
    """
    over = MetricName(OVER_START, problem=problem)
    said = _of_interval(metrics, OVER_START, problem, ("helps", "hurts", "is not shown to help"))
    if not said or said.endswith(" to tell"):
        return said
    interval = numbers.interval(metrics[over.low], metrics[over.high], metric.unit, "+")
    gain = numbers.gain(metrics[str(over)], metric.unit)
    return f"continuing the pre-training here {said}: {gain} {interval}"


def simple_verdict(metrics: Mapping[str, float], problem: str = "") -> str:
    """BETTER, WORSE, OPEN or too few documents, as in `verdict`; empty without a simple model."""
    found = _of_interval(metrics, OVER_SIMPLE, problem, (BETTER, WORSE, OPEN))
    return f"{found} it from the simple model" if found.endswith(" to tell") else found


def verdict(metrics: Mapping[str, float], problem: str = "") -> str:
    """What the interval of a gain says.

    Args:
        metrics: of stage evaluation, or of a run.
        problem: the problem, where they are those of a run.

    Returns:
        HELPS, HURTS, CHANCE or "too few test documents (n) to tell"; empty where there is no gain.
    """
    return _of_interval(metrics, GAIN, problem, (HELPS, HURTS, CHANCE))


def compared(method: str) -> str:
    """What a gain compares, in words, by the method of tuning; empty for pre-training alone."""
    return "" if method == FULL else f"the pre-trained model tuned by {method}, against {IN_FULL}"


def of_gain(metrics: Mapping[str, float], compared: str = "", problem: str = "") -> str:
    """What the interval of a gain says, as `verdict`; of models that differ in more, without cause.

    Args:
        metrics: of stage evaluation, or of a run.
        compared: what the gain compares, in words; empty for pre-training alone.
        problem: the problem, where they are those of a run.
    """
    said = verdict(metrics, problem)
    if not said or not compared:
        return said
    words = {HELPS: "better", HURTS: "worse"}
    return f"{compared}: {words.get(said, said)}"


def _of_interval(
    metrics: Mapping[str, float], difference: str, problem: str, words: tuple[str, str, str]
) -> str:
    """The word for an interval above zero, below it, or around it; empty where there is none."""
    name = MetricName(difference, problem=problem)
    if name.low not in metrics:
        return ""
    documents = metrics[str(MetricName("test_documents", problem=problem))]
    if documents < FEWEST_DOCUMENTS:
        return f"too few test documents ({documents:.0f}) to tell"
    above, below, around = words
    if metrics[name.low] > 0:
        return above
    return below if metrics[name.high] < 0 else around
