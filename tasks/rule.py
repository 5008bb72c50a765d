"""When a challenger takes the champion's place: the rule, as a person sets it.

The metric is the headline metric of the problem. Light: forms and the command line read it.
"""

from __future__ import annotations

from tasks.spec import Part, field


class Rule(Part):
    """What a challenger must show on the test split, as it is now, to take the champion's place.

    It must be better by `minimum_gain` at least, by a difference of which the interval lies above
    zero, and lose no more than allowed on any class and any slice.
    """

    minimum_gain: float = field(
        0.0,
        "Least gain",
        "Gain of the headline metric that is worth a change of the model, as a share: 0.01 is one "
        "percentage point; it must also be more than chance explains",
        ge=0,
        le=1,
    )
    confidence: float = field(0.95, "Confidence", "Coverage of the intervals", ge=0.5, lt=1)
    bootstrap_samples: int = field(
        2000,
        "Bootstrap samples",
        "Resamples of the test documents behind each interval",
        ge=100,
        le=1_000_000,
    )
    worst_class_loss: float = field(
        0.05,
        "Worst loss of a class",
        "Largest loss of F1 on any class, as a share; more than this, and more than chance "
        "explains, keeps the champion; 1 allows any",
        ge=0,
        le=1,
    )
    worst_slice_loss: float = field(
        0.05,
        "Worst loss of a slice",
        "Largest loss of the headline metric on any quarter of the test rows by length, as a "
        "share; judged as the loss of a class; 1 allows any",
        ge=0,
        le=1,
    )
