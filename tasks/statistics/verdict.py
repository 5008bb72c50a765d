"""What a measured gain says, in the same words in the terminal, on the pages and in the report."""

from __future__ import annotations

from collections.abc import Mapping

HELPS, HURTS, CHANCE = "pre-training helps", "pre-training hurts", "no gain shown, could be chance"
SCRATCH = "from_scratch/"  # what stands before the metrics of the model from random weights
# A bootstrap knows no other documents than these: of few it makes intervals that are too narrow,
# of width zero where all are right.
FEWEST_DOCUMENTS = 10


def beyond_majority(
    metrics: Mapping[str, float], metric: str, answer: str, prefix: str = "", model: str = ""
) -> str:
    """What to say of a model that may have learnt nothing.

    Args:
        metrics: as stage evaluation returns them.
        metric: name of the headline metric.
        answer: what the majority baseline always answers.
        prefix: what stands before their names, such as `downstream/library/`.
        model: what stands before those of the model, such as `from_scratch/`.

    Returns:
        That it is no better than the baseline, or not shown to be; empty where it is better.
    """
    baseline = metrics[f"{prefix}majority/{metric}"]
    if metrics[f"{prefix}{model}{metric}/low"] > baseline:
        return ""
    worse = metrics[f"{prefix}{model}{metric}"] <= baseline
    said = "no better" if worse else "not shown to be better"
    return f"{said} than always answering {answer}: it may have learnt nothing"


def verdict(metrics: Mapping[str, float], prefix: str = "") -> str:
    """What the interval of a gain says.

    Args:
        metrics: as stage evaluation returns them.
        prefix: what stands before their names, such as `downstream/library/`.

    Returns:
        HELPS, HURTS, CHANCE or "too few test documents (n) to tell"; empty where there is no gain.
    """
    if f"{prefix}gain/low" not in metrics:
        return ""
    documents = metrics[f"{prefix}test_documents"]
    if documents < FEWEST_DOCUMENTS:
        return f"too few test documents ({documents:.0f}) to tell"
    if metrics[f"{prefix}gain/low"] > 0:
        return HELPS
    return HURTS if metrics[f"{prefix}gain/high"] < 0 else CHANCE
