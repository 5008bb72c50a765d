"""The part `evaluation`: how results are measured."""

from __future__ import annotations

from tasks.experiment.fields import Part, field


class Evaluation(Part):
    """How the results are measured."""

    from_scratch: bool = field(
        True,
        "From scratch",
        "Also fine-tune the body from random weights: the gain of pre-training becomes a number",
    )
    bootstrap_samples: int = field(
        2000,
        "Bootstrap samples",
        "Resamples of the test split behind each interval",
        ge=100,
        le=1_000_000,
    )
    confidence: float = field(0.95, "Confidence", "Coverage of the intervals", ge=0.5, lt=1)
