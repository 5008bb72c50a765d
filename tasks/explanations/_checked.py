"""What the checks of some rows say of each method, with intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tasks.machinery.naming.metric_name import MetricName
from tasks.models.explaining.measured import Measured, Methods
from tasks.models.explaining.subject import Floats
from tasks.models.explaining.verdicts import COMPLETENESS, FAITHFULNESS, LIKENESS
from tasks.problems.weighted import Sums, Values
from tasks.statistics.bootstrap import Bootstrap

TINY = 1e-12


def checked(
    rows: Sequence[Measured], methods: Methods, documents: Sequence[str], bootstrap: Bootstrap
) -> dict[str, float]:
    """The checks of each method over some rows, by their names as metrics.

    Completeness is the sum of the errors over that of the differences. Faithfulness and likeness
    are means over the rows that have them, with intervals over documents.
    """
    metrics: dict[str, float] = {}
    for name, method in methods.items():
        if method.COMPLETE:
            apart = sum(abs(each.score - each.blank) for each in rows)
            error = sum(each.error(name) for each in rows) / max(apart, TINY)
            metrics[str(MetricName(COMPLETENESS, name))] = error
        for metric, values in (
            (FAITHFULNESS, [each.faithfulness(name) for each in rows]),
            (LIKENESS, [each.alike.get(name, math.nan) for each in rows]),
        ):
            metrics |= _mean(MetricName(metric, name), values, documents, bootstrap)
    return metrics


def _mean(
    name: MetricName, values: Sequence[float], documents: Sequence[str], bootstrap: Bootstrap
) -> dict[str, float]:
    """The mean of the values that are known, with its interval; nothing if none is."""
    given = np.array(values, dtype=np.float64)
    known = np.isfinite(given)
    if not known.any():
        return {}
    inside = [each for each, here in zip(documents, known, strict=True) if here]
    counts = np.stack([given[known], np.ones(int(known.sum()))], axis=1)

    def mean(sums: Floats) -> Values:
        return {name.metric: sums[..., 0] / sums[..., 1]}

    (resampled,) = bootstrap.resample([Sums(counts, mean)], inside)
    low, high = bootstrap.interval(resampled[name.metric])
    return {str(name): float(given[known].mean()), name.low: low, name.high: high}
