"""Numbers of runs as text, without the libraries that test and draw them."""

from __future__ import annotations

from tasks.comparison.comparison import Value
from tasks.comparison.settings import Spread
from tasks.statistics import numbers

ABSENT = "–"


def with_interval(value: Value | None) -> str:
    """`0.528 [0.502, 0.554]`."""
    if value is None:
        return ABSENT
    return numbers.with_interval(value.value, value.low, value.high, "number")


def with_spread(found: Spread | None) -> str:
    """`0.528 ± 0.012 (0.515 to 0.540)`; one value alone as it is."""
    if found is None:
        return ABSENT
    if found.seeds == 1:
        return numbers.plain(found.mean, "number")
    mean, deviation, low, high = (
        numbers.plain(value, "number")
        for value in (found.mean, found.deviation, found.low, found.high)
    )
    return f"{mean} ± {deviation} ({low} to {high})"
