"""Numbers as text, by their unit: `53.4 % [51.0, 55.9]`, `+9.1 [+7.0, +11.3]`."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.problems import Unit


@dataclass(frozen=True)
class _Style:
    """The format of a unit.

    Attributes:
        factor: multiplies a value.
        value: the suffix of a value.
        difference: the unit of a difference; empty for the same unit.
    """

    factor: float
    value: str
    difference: str


_STYLES: dict[Unit, _Style] = {
    "share": _Style(100, " %", "points"),
    "number": _Style(1, "", ""),
    "nats": _Style(1, " nats", "nats"),
    "bits": _Style(1, " bits", "bits"),
}


def scaled(value: float, unit: Unit) -> float:
    """A value on an axis: a share in percent."""
    return _STYLES[unit].factor * value


def axis(words: str, unit: Unit) -> str:
    """A metric as the name of an axis: `accuracy, %`."""
    mark = _STYLES[unit].value.strip()
    return f"{words}, {mark}" if mark else words


def bare(value: float, unit: Unit, sign: str = "") -> str:
    """A value without its unit: `53.4`, `0.528`, `1,234,567`; with `sign` "+" as a difference."""
    if unit == "share":
        return f"{100 * value:{sign}z.1f}"
    if abs(value) >= 1000:
        return f"{value:{sign}z,.0f}"
    return f"{value:{sign}z.1f}" if abs(value) >= 100 else f"{value:{sign}z.3f}"


def plain(value: float, unit: Unit) -> str:
    """A value: `53.4 %`, `0.528`."""
    return f"{bare(value, unit)}{_STYLES[unit].value}"


def interval(low: float, high: float, unit: Unit, sign: str = "") -> str:
    """The ends of an interval: `[51.0, 55.9]`."""
    return f"[{bare(low, unit, sign)}, {bare(high, unit, sign)}]"


def with_interval(value: float, low: float | None, high: float | None, unit: Unit) -> str:
    """A value and its interval, if it has one: `53.4 % [51.0, 55.9]`."""
    if low is None or high is None:
        return plain(value, unit)
    return f"{plain(value, unit)} {interval(low, high, unit)}"


def with_deviation(mean: float, deviation: float, unit: Unit, sign: str = "") -> str:
    """A mean and its standard deviation: `71.2 ± 1.1 %`; with `sign` "+" as a difference."""
    style = _STYLES[unit]
    text = f"{bare(mean, unit, sign)} ± {bare(deviation, unit)}"
    return counted(text, unit) if sign else f"{text}{style.value}"


def difference(value: float, low: float, high: float, unit: Unit) -> str:
    """A difference and its interval: `+9.1 [+7.0, +11.3]`, of shares in points."""
    return f"{bare(value, unit, '+')} {interval(low, high, unit, '+')}"


def counted(text: str, unit: Unit) -> str:
    """A difference with its unit, if that has a word: `+9.1 points`."""
    return f"{text} {_STYLES[unit].difference}".rstrip()


def in_words(unit: Unit, before: str) -> str:
    """The same behind the name of a column: `gain, points`."""
    return ", ".join(word for word in (before, _STYLES[unit].difference) if word)


def gain(value: float, unit: Unit) -> str:
    """A difference as text: `+4.1 points`."""
    return counted(bare(value, unit, "+"), unit)


def amount_of(value: float, unit: Unit) -> str:
    """A difference without its direction: `8.6 points`."""
    return counted(bare(abs(value), unit), unit)


def amount(value: float, unit: Unit) -> str:
    """A bound on a difference as it was given: `5 points`, `0.05`."""
    return counted(f"{scaled(value, unit):g}", unit)
