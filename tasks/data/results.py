"""What a result says to people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypedDict

Unit = Literal["share", "number", "nats", "bits"]


@dataclass(frozen=True)
class Metric:
    """A metric: its name, its unit and its direction.

    Attributes:
        words: its name for people.
        unit: `share` is shown in percent, its differences in points; see `statistics/numbers.py`.
        better: whether a higher or a lower value is better.
        centred: whether its resamples are centred on its value: see `statistics/bootstrap.py`.
    """

    words: str
    unit: Unit = "share"
    better: Literal["higher", "lower"] = "higher"
    centred: bool = False

    @property
    def sign(self) -> int:
        """1 if higher is better, -1 if lower is, so that a gain is always positive."""
        return 1 if self.better == "higher" else -1


class Demonstration(TypedDict):
    """What a model does.

    Attributes:
        example: a text that a `pipeline` of `transformers` accepts.
        header: names of columns.
        rows: their cells.
    """

    example: str
    header: list[str]
    rows: list[list[str]]
