"""Numbers and tables as people read them, in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table, the first column to the left and the others to the right."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def percent(metrics: Mapping[str, float], name: str) -> str:
    """A share with its interval where there is one: `53.4 % [51.0, 55.9]`."""
    text = f"{100 * metrics[name]:.1f} %"
    if f"{name}/low" in metrics:
        text += f" [{100 * metrics[f'{name}/low']:.1f}, {100 * metrics[f'{name}/high']:.1f}]"
    return text


def points(metrics: Mapping[str, float], name: str = "gain") -> str:
    """A difference of shares with its interval, in percentage points: `+9.1 [+7.0, +11.3]`."""
    value, low, high = (100 * metrics[f"{name}{end}"] for end in ("", "/low", "/high"))
    return f"{value:+.1f} [{low:+.1f}, {high:+.1f}]"


def judge(metrics: Mapping[str, float], metric: str, confidence: float) -> str:
    """A sentence on whether pre-training gained anything, or the difference could be chance."""
    size = f"{100 * abs(metrics['gain']):.1f} points of {metric}"
    sure = f"the {100 * confidence:g} % interval of the difference"
    if metrics["gain/low"] > 0:
        return f"Pre-training gains {size}: {sure} lies above zero."
    if metrics["gain/high"] < 0:
        return f"Pre-training makes it worse by {size}: {sure} lies below zero."
    return f"No gain shown: the difference in {metric} could be chance; {sure} includes zero."
