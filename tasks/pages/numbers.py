"""Results and tables as text for people, in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tasks.machinery.naming.markdown import escaped
from tasks.machinery.naming.metric_name import MetricName
from tasks.pages.document import Cell, as_cell
from tasks.problems import Metric, Unit
from tasks.statistics import numbers
from tasks.statistics.verdict import of_gain

GAIN = MetricName("gain")


def table(header: Sequence[str], rows: Iterable[Sequence[str | Cell]], *, words: int = 1) -> str:
    """A Markdown table of plain texts, which are escaped here; a strong cell is bold.

    The first `words` columns are left-aligned, the others right-aligned.
    """
    lines = [[cell if isinstance(cell, Cell) else Cell(cell) for cell in row] for row in rows]
    rule = ["---" if number < words else "---:" for number in range(len(header))]
    written = [[escaped(name) for name in header], rule, *(map(as_cell, line) for line in lines)]
    return "\n".join("| " + " | ".join(line) + " |" for line in written)


def result(metrics: Mapping[str, float], name: MetricName, unit: Unit) -> str:
    """A result with its interval, if it has one: `53.4 % [51.0, 55.9]`; a dash for none."""
    if str(name) not in metrics:
        return "–"
    ends = metrics.get(name.low), metrics.get(name.high)
    return numbers.with_interval(metrics[str(name)], *ends, unit)


def gain(metrics: Mapping[str, float], unit: Unit, metric: str = GAIN.metric) -> str:
    """A difference between models with its interval: `+9.1 [+7.0, +11.3]`; a dash for none."""
    name = MetricName(metric)
    if name.low not in metrics:
        return "–"
    return numbers.difference(metrics[str(name)], metrics[name.low], metrics[name.high], unit)


def judge(
    metrics: Mapping[str, float], metric: Metric, confidence: float, compared: str = ""
) -> str:
    """The verdict on a gain as a sentence, with the numbers behind it.

    `compared` says in words what is compared, where that is not pre-training alone.
    """
    said = of_gain(metrics, compared)
    ends = numbers.interval(metrics[GAIN.low], metrics[GAIN.high], metric.unit, "+")
    return (
        f"{said[0].upper()}{said[1:]}: {numbers.gain(metrics[str(GAIN)], metric.unit)} of "
        f"{metric.words}; {100 * confidence:g} % interval of the difference {ends}."
    )
