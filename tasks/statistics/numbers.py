"""Numbers as people read them, by their unit: `53.4 % [51.0, 55.9]`, `+9.1 [+7.0, +11.3]`."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.problems import Unit


@dataclass(frozen=True)
class _Style:
    """How a unit is written.

    Attributes:
        factor: what a value is multiplied by.
        value: what stands behind a value.
        difference: what a difference is counted in; empty for the unit itself.
    """

    factor: float
    value: str
    difference: str


_STYLES: dict[Unit, _Style] = {
    "share": _Style(100, " %", "points"),
    "number": _Style(1, "", ""),
    "nats": _Style(1, " nats", "nats"),
}


def scaled(value: float, unit: Unit) -> float:
    """A value as an axis has it: a share in percent."""
    return _STYLES[unit].factor * value


def axis(words: str, unit: Unit) -> str:
    """A metric as the name of an axis: `accuracy, %`."""
    mark = _STYLES[unit].value.strip()
    return f"{words}, {mark}" if mark else words


def bare(value: float, unit: Unit, sign: str = "") -> str:
    """A value without its unit: `53.4`, `0.528`, `1,234,567`; with `sign` "+" as a difference."""
    if unit == "share":
        return f"{100 * value:{sign}.1f}"
    if abs(value) >= 1000:
        return f"{value:{sign},.0f}"
    return f"{value:{sign}.1f}" if abs(value) >= 100 else f"{value:{sign}.3f}"


def plain(value: float, unit: Unit) -> str:
    """A value: `53.4 %`, `0.528`."""
    return f"{bare(value, unit)}{_STYLES[unit].value}"


def interval(low: float, high: float, unit: Unit, sign: str = "") -> str:
    """The ends of an interval: `[51.0, 55.9]`."""
    return f"[{bare(low, unit, sign)}, {bare(high, unit, sign)}]"


def with_interval(value: float, low: float | None, high: float | None, unit: Unit) -> str:
    """A value and its interval, where it has one: `53.4 % [51.0, 55.9]`."""
    if low is None or high is None:
        return plain(value, unit)
    return f"{plain(value, unit)} {interval(low, high, unit)}"


def difference(value: float, low: float, high: float, unit: Unit) -> str:
    """A difference and its interval: `+9.1 [+7.0, +11.3]`, of shares in points."""
    return f"{bare(value, unit, '+')} {interval(low, high, unit, '+')}"


def counted(text: str, unit: Unit) -> str:
    """A difference with what it is counted in, if that has a word: `+9.1 points`."""
    return f"{text} {_STYLES[unit].difference}".rstrip()


def in_words(unit: Unit, before: str) -> str:
    """The same behind the name of a column: `gain, points`."""
    return ", ".join(word for word in (before, _STYLES[unit].difference) if word)


def gain(value: float, unit: Unit) -> str:
    """A difference in words: `+4.1 points`."""
    return counted(bare(value, unit, "+"), unit)


def amount(value: float, unit: Unit) -> str:
    """A bound on a difference as it was given: `5 points`, `0.05`."""
    return counted(f"{scaled(value, unit):g}", unit)
