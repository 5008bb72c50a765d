"""Times as text."""

from __future__ import annotations

from datetime import timedelta


def duration(seconds: float) -> str:
    """How long something took: `0.4 s`, `75 s`, `2 min 05 s`, `1 h 10 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def rough_duration(seconds: float) -> str:
    """How long something will take, to the minute: `40 s`, `42 min`, `3 h 10 min`."""
    minutes = round(seconds / 60)
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


def age(time: timedelta) -> str:
    """How long ago something was, in its largest unit: `3 days`, `7 hours`, `1 minute`."""
    for unit, length in (("day", timedelta(days=1)), ("hour", timedelta(hours=1))):
        if time >= length:
            return _counted(time // length, unit)
    return _counted(time // timedelta(minutes=1), "minute")


def _counted(count: int, unit: str) -> str:
    return f"{count:,} {unit}" if count == 1 else f"{count:,} {unit}s"
