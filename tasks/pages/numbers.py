"""Numbers and tables as text for people, in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tasks.statistics.verdict import verdict


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; the first column is left-aligned, the others right-aligned."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def percent(metrics: Mapping[str, float], name: str) -> str:
    """A share with its interval, if it has one: `53.4 % [51.0, 55.9]`."""
    text = f"{100 * metrics[name]:.1f} %"
    if f"{name}/low" in metrics:
        text += f" [{100 * metrics[f'{name}/low']:.1f}, {100 * metrics[f'{name}/high']:.1f}]"
    return text


def points(metrics: Mapping[str, float], name: str = "gain") -> str:
    """A difference of shares with its interval, in percentage points: `+9.1 [+7.0, +11.3]`."""
    value, low, high = (100 * metrics[f"{name}{end}"] for end in ("", "/low", "/high"))
    return f"{value:+.1f} [{low:+.1f}, {high:+.1f}]"


def judge(metrics: Mapping[str, float], metric: str, confidence: float) -> str:
    """The verdict on a gain as a sentence, with the numbers behind it."""
    said = verdict(metrics)
    low, high = (f"{100 * metrics[f'gain/{end}']:+.1f}" for end in ("low", "high"))
    return (
        f"{said[0].upper()}{said[1:]}: {100 * metrics['gain']:+.1f} points of {metric}; "
        f"{100 * confidence:g} % interval of the difference [{low}, {high}]."
    )
