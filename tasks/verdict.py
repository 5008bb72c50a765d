"""What a measured gain says, in the same words in the terminal, on the pages and in the report."""

from __future__ import annotations

from collections.abc import Mapping

HELPS, HURTS, CHANCE = "pre-training helps", "pre-training hurts", "no gain shown, could be chance"
# A bootstrap knows no other documents than these: of few it makes intervals that are too narrow,
# of width zero where all are right.
FEWEST_DOCUMENTS = 10


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
