"""A row of the table: what was measured, against what, and how far the target is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from tests.benchmarks.turns import Measured, ratios, spread, values


@dataclass(frozen=True, kw_only=True)
class Row:
    """One comparison.

    Attributes:
        what, against: in words.
        unit: of `ours` and `theirs`.
        ours, theirs: turn by turn; `theirs` is of the peer, or the ceiling, or empty.
        result: what the target is about, turn by turn: a ratio mostly.
        target: to be reached; None where none is set.
        at_least: whether larger results are better.
    """

    what: str
    against: str
    unit: str
    ours: Sequence[float]
    theirs: Sequence[float]
    result: Sequence[float]
    target: float | None
    at_least: bool

    @property
    def is_reached(self) -> bool | None:
        """Whether the median reaches the target; None without one."""
        if self.target is None:
            return None
        found = median(self.result)
        return found >= self.target if self.at_least else found <= self.target

    def cells(self) -> dict[str, str]:
        """The row as text, by column."""
        sign = "≥" if self.at_least else "≤"
        return {
            "what": self.what,
            "against": self.against,
            "Temper": f"{spread(self.ours)} {self.unit}",
            "peer": f"{spread(self.theirs)} {self.unit}" if self.theirs else "",
            "result": spread(self.result),
            "target": "–" if self.target is None else f"{sign} {self.target:g}",
            "reached": {True: "yes", False: "no", None: "–"}[self.is_reached],
        }


def faster(
    measured: Measured,
    ours: str,
    theirs: str,
    figure: str,
    *,
    what: str,
    against: str,
    unit: str,
    target: float | None,
) -> Row:
    """A row about how many times faster Temper is."""
    a, b = values(measured, ours, figure), values(measured, theirs, figure)
    return Row(
        what=what,
        against=against,
        unit=unit,
        ours=a,
        theirs=b,
        result=ratios(a, b),
        target=target,
        at_least=True,
    )
