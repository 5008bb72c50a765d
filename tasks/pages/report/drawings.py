"""The figures of the page, each a section of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tasks.machinery.naming.markdown import escaped
from tasks.pages import numbers as pages
from tasks.pages.evaluation.drawings import figures_of, sheets_of
from tasks.pages.evaluation.found import Found
from tasks.pages.figures import BLUE, MUTED, ORANGE, Interval, draw_intervals, write_figure
from tasks.pages.pretraining_card import Outcome, draw_loss, numbers_of
from tasks.pages.report.result import Result
from tasks.pages.report.summary import summarize_gains
from tasks.pages.report.tables import model_names
from tasks.statistics import numbers
from tasks.statistics.verdict import HELPS, HURTS, verdict

FIGURES = {
    "gain.png": "pre-trained against from scratch",
    "confusion.png": "confusion matrix",
    "scatter.png": "truth and answers",
    "pictures.png": "pictures and answers",
    "precision.png": "precision by recall",
    "reliability.png": "how sure the model is, and how often it is right",
}
PRETRAINING = {
    "parameters": "parameters",
    "tokens": "tokens read while training",
    "pictures": "pictures seen while training",
}


def figure(path: str, words: str) -> str:
    """A figure as a section, with an alternative text."""
    return f"![{escaped(words)}]({path})"


def is_figure(section: str) -> bool:
    """Whether a section is a figure; Prefect shows pages without the files beside them."""
    return section.startswith("![")


def gains_figure(results: Sequence[Result], confidence: float, show: Path, what: str) -> list[str]:
    """Draw the gains of all problems, a figure a unit."""
    beside = [result for result in results if result.compares]
    models, figures = " against ".join(model_names(results)), []
    for unit in dict.fromkeys(result.metric.unit for result in beside):
        name = "gains.png" if unit == beside[0].metric.unit else f"gains-{unit}.png"
        drawn = draw_intervals(
            summarize_gains(beside, what),
            f"{models}, paired {100 * confidence:g} % bootstrap intervals",
            [gain_line(result) for result in beside if result.metric.unit == unit],
            x=numbers.in_words(unit, "gain"),
            zero=True,
        )
        write_figure(drawn, show / name)
        figures.append(figure(name, "Gain of the pre-trained model on each problem"))
    return figures


def gain_line(result: Result) -> Interval:
    """A gain as a line: blue if it is shown, orange if it is a loss, grey if unclear."""
    metric = result.metric
    value, low, high = (
        numbers.scaled(result.metrics[name], metric.unit)
        for name in (str(pages.GAIN), pages.GAIN.low, pages.GAIN.high)
    )
    color = {HELPS: BLUE, HURTS: ORANGE}.get(verdict(result.metrics), MUTED)
    return Interval(f"{result.name}, {metric.words}", value, low, high, result.gain, color)


def pretraining_section(folder: Path | None, show: Path) -> list[str]:
    """The results of pre-training, and its curves."""
    if folder is None:
        return []
    outcome = Outcome.read(folder)
    counts = [
        [words, f"{outcome.metrics[name]:,.0f}"]
        for name, words in PRETRAINING.items()
        if name in outcome.metrics
    ]
    rows = [*numbers_of(outcome), *counts]
    write_figure(draw_loss(outcome), show / "pretraining-loss.png")
    return [
        "## Pre-training",
        pages.table(["", "value"], rows),
        figure("pretraining-loss.png", "Curves of pre-training"),
    ]


def confusion_section(results: Sequence[Result], show: Path) -> list[str]:
    """The confusion matrices; only figures, so each has its heading."""
    sections = []
    for result in results:
        figures = figures_of(Found.read(result.folder)) | sheets_of(result.folder)
        for name, drawn in figures.items():
            write_figure(drawn, show / f"{result.name}-{name}")
            sections.append(figure(f"{result.name}-{name}", f"{result.name}: {FIGURES[name]}"))
    return sections
