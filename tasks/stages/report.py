"""Stage `report`: one page with the results of an experiment, with figures."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.contract import Monitor
from tasks.experiment.training import FULL
from tasks.machinery.naming.markdown import escaped
from tasks.machinery.naming.metric_name import (
    FROM_SCRATCH,
    MAJORITY,
    OVER_SIMPLE,
    OVER_START,
    SEEDS,
    SIMPLE,
    START,
    MetricName,
)
from tasks.pages import numbers as pages
from tasks.pages.evaluation_card import Found, figures_of, of_seeds, sheets_of
from tasks.pages.figures import BLUE, MUTED, ORANGE, Interval, draw_intervals, write_figure
from tasks.pages.generalization.sections import sections as sections_of
from tasks.pages.leakage_card import read_sentence
from tasks.pages.pretraining_card import Outcome, draw_loss, numbers_of
from tasks.problems import Metric
from tasks.statistics import numbers
from tasks.statistics.verdict import (
    BETTER,
    HELPS,
    HURTS,
    IN_FULL,
    WORSE,
    against_simple,
    against_start,
    beyond_majority,
    compared,
    over_seeds,
    simple_verdict,
    verdict,
)

PRETRAINING = {
    "parameters": "parameters",
    "tokens": "tokens read while training",
    "pictures": "pictures seen while training",
}
FIGURES = {
    "gain.png": "pre-trained against from scratch",
    "confusion.png": "confusion matrix",
    "scatter.png": "truth and answers",
    "pictures.png": "pictures and answers",
    "reliability.png": "how sure the model is, and how often it is right",
}
READ_NEXT = """## What to read next

- The page of each evaluation: all metrics, also by class where there are classes, and beside it
  every test row in `predictions.parquet` (only in the store if it is over 20 MB). The rows with the
  highest `loss` are the worst errors, or have wrong labels.
- The data cards: what was read, left out, and found in two splits.
- MLflow's table of runs, which has these numbers as columns beside those of other runs."""


@dataclass(frozen=True)
class Result:
    """A problem by its name in the experiment, and the results of its evaluation.

    Attributes:
        name: of the problem.
        folder: of the evaluation.
        metrics: that it measured.
        facts: what it measured, in words.
        method: of tuning, of the pre-trained model; the one from scratch always learns in full.
    """

    name: str
    folder: Path
    metrics: dict[str, float]
    facts: dict[str, Any]
    method: str = FULL

    @property
    def compared(self) -> str:
        """What a gain compares, in words; empty where it is pre-training alone."""
        return compared(self.method)

    @property
    def compares(self) -> bool:
        """Whether there is a model from scratch to compare with."""
        return "gain" in self.metrics

    @property
    def metric(self) -> Metric:
        """The headline metric."""
        return Metric(**self.facts["metrics"][self.facts["headline"]])

    @property
    def beyond_majority(self) -> str:
        """The remark on a model that may have learnt nothing; empty if it has learnt."""
        facts = self.facts
        return beyond_majority(
            self.metrics, facts["headline"], facts["majority"], sign=self.metric.sign
        )

    @property
    def gain(self) -> str:
        """The gain with its interval, or a dash where there is none."""
        return pages.gain(self.metrics, self.metric.unit)

    @property
    def over_simple(self) -> str:
        """The difference from the simple model with its interval, or a dash where there is none."""
        return pages.gain(self.metrics, self.metric.unit, OVER_SIMPLE)

    @property
    def simple_end(self) -> str:
        """BETTER, WORSE or OPEN: the model against the simple one; empty where there is none."""
        return simple_verdict(self.metrics)

    @property
    def lost_by(self) -> str:
        """How much better the simple model is: `by 8.6 points`."""
        return f"by {numbers.amount_of(self.metrics[OVER_SIMPLE], self.metric.unit)}"

    @property
    def against_simple(self) -> str:
        """Who is better, the model or the simple one; empty where there is none."""
        return against_simple(self.metrics, self.metric, self.facts.get("simple", ""))

    @property
    def over_start(self) -> str:
        """The difference from the model before pre-training here, or a dash where there is none."""
        return pages.gain(self.metrics, self.metric.unit, OVER_START)

    @property
    def against_start(self) -> str:
        """Whether continuing the pre-training helped; empty where that was not measured."""
        return against_start(self.metrics, self.metric)

    @property
    def of_seeds(self) -> str:
        """The headline metric over several training seeds, or a dash where there is one."""
        if SEEDS not in self.metrics:
            return "–"
        return of_seeds(self.metrics, self.facts["headline"], self.metric)

    @property
    def over_seeds(self) -> str:
        """The spread over several training seeds in a sentence; empty where there is one."""
        return over_seeds(self.metrics, self.facts["headline"], self.metric)

    def measured(self, model: str = "") -> str:
        """The headline metric of a model with its interval, or a dash if there is none."""
        name = MetricName(self.facts["headline"], model)
        return pages.result(self.metrics, name, self.metric.unit)


def write_report(
    name: str,
    problems: list[str],
    confidence: float,
    *,
    pretraining: Path | None,
    evaluations: list[Path],
    origin: str = "",
    leakages: list[Path] | None = None,
    methods: list[str] | None = None,
    findings: list[Path] | None = None,
    found_by: list[str] | None = None,
    out: Path,
    monitor: Monitor,
) -> dict[str, float]:
    """Write `show/report.md` with its figures beside it, and `show/card.md`, the same without them.

    Args:
        name: name of the experiment.
        problems: name of each problem in the experiment, in the order of `evaluations`.
        confidence: coverage of the intervals, such as 0.95.
        pretraining: artifact of stage pretraining, if there was one.
        evaluations: artifacts of stage evaluation.
        origin: the description of the model, if it is not the one of `pretraining`.
        leakages: artifacts of stage leakage, one per problem, if its data are known.
        methods: how each pre-trained model is tuned, if not all are in full.
        findings: artifacts of the stages behind the evaluations, if there are any.
        found_by: their titles, in the same order.
        out: empty folder.
        monitor: receives the progress.

    Returns:
        `problems`, and `gains`: on how many of them the pre-trained model is shown to gain.
    """
    tuned = methods or [FULL] * len(problems)
    results = [read_result(*each) for each in zip(problems, evaluations, tuned, strict=True)]
    show = out / "show"
    show.mkdir()
    sections = [
        f"# {escaped(name)}: results",
        summarize(results, learnt(origin)),
        headline_table(results, confidence),
        *verdicts(results, confidence),
        *origin_section(origin, problems, leakages or []),
        *gains_figure(results, confidence, show, learnt(origin)),
        *pretraining_section(pretraining, show),
        *confusion_section(results, show),
        *sections_of(found_by or [], findings or [], show),
        READ_NEXT,
    ]
    write_page(show / "report.md", sections)
    write_page(show / "card.md", [text for text in sections if not is_figure(text)])
    monitor.progress(len(results), len(results), "problems")
    return {"problems": float(len(results)), "gains": float(count_gains(results))}


def read_result(name: str, folder: Path, method: str = FULL) -> Result:
    """The results of an evaluation from its folder."""
    metrics, facts = (
        json.loads((folder / file).read_text(encoding="utf-8"))
        for file in ("metrics.json", "evaluation.json")
    )
    return Result(name, folder, metrics, facts, method)


def write_page(path: Path, sections: Sequence[str]) -> None:
    """Write sections of Markdown, a blank line between them."""
    path.write_text("\n\n".join(sections) + "\n", encoding="utf-8")


def figure(path: str, words: str) -> str:
    """A figure as a section, with an alternative text."""
    return f"![{escaped(words)}]({path})"


def is_figure(section: str) -> bool:
    """Whether a section is a figure; Prefect shows pages without the files beside them."""
    return section.startswith("![")


def count_gains(results: Sequence[Result]) -> int:
    """On how many problems the pre-trained model is shown to gain."""
    return sum(verdict(result.metrics) == HELPS for result in results)


def learnt(origin: str) -> str:
    """What a gain is the gain of."""
    return "Its earlier training" if origin else "Pre-training"


def summarize(results: Sequence[Result], what: str = "Pre-training") -> str:
    """The first sentence; `what` is compared with starting from scratch."""
    beside = [result for result in results if result.compares]
    if not results:
        return "There is no downstream problem: this experiment only pre-trained."
    gains = f"Problems evaluated: {len(results)}, without a model from scratch to compare with."
    if beside:
        gains = f"{summarize_gains(beside, what)}."
    return f"{summarize_simple(results)} {gains}".strip()


def summarize_gains(results: Sequence[Result], what: str) -> str:
    """On how many problems `what` helps, and on how many it gains with other ways of tuning."""
    alone = [result for result in results if not result.compared]
    others = [result for result in results if result.compared]
    said = []
    if alone:
        said.append(f"{what} is shown to help on {count_gains(alone)} of {len(alone)} problems")
    if others:
        methods = " or ".join(dict.fromkeys(result.method for result in others))
        said.append(
            f"{'the' if alone else 'The'} pre-trained model tuned by {methods} is shown to be "
            f"better than {IN_FULL} on {count_gains(others)} of {len(others)} problems"
        )
    return "; ".join(said)


def summarize_simple(results: Sequence[Result]) -> str:
    """Where the model is better than the simple one, and where that is; empty without one."""
    known = [(result, end) for result in results if (end := result.simple_end)]
    if not known:
        return ""
    better = sum(end == BETTER for _, end in known)
    said = f"The model is shown to beat the simple model on {better} of {len(known)} problems"
    lost = [f"{escaped(result.name)} ({result.lost_by})" for result, end in known if end == WORSE]
    return f"{said}; the simple model is better on {' and '.join(lost)}." if lost else f"{said}."


def headline_table(results: Sequence[Result], confidence: float) -> str:
    """One row per problem."""
    units = {result.metric.unit for result in results}
    shared = len(units) < 2  # else each difference has its unit behind it
    unit = next(iter(units)) if shared and units else None

    def difference(text: str, result: Result) -> str:
        return text if shared else numbers.counted(text, result.metric.unit)

    def heading(words: str) -> str:
        return numbers.in_words(unit, words) if unit else words

    ours, scratch = model_names(results)
    columns: dict[str, Callable[[Result], str]] = {
        "problem": lambda result: result.name,
        "metric": lambda result: (
            result.metric.words + ("" if result.metric.sign > 0 else " (lower is better)")
        ),
        ours: lambda result: result.measured(),
        scratch: lambda result: result.measured(FROM_SCRATCH),
        heading("gain"): lambda result: difference(result.gain, result),
    }
    if len({result.method for result in results}) > 1:
        columns["tuned by"] = lambda result: result.method
    if any(result.over_seeds for result in results):
        columns["mean of seeds"] = lambda result: result.of_seeds
    if any(result.against_start for result in results):
        columns["before"] = lambda result: result.measured(START)
        columns[heading("over before")] = lambda result: difference(result.over_start, result)
    if any(result.simple_end for result in results):
        columns["simple model"] = lambda result: result.measured(SIMPLE)
        columns[heading("over simple")] = lambda result: difference(result.over_simple, result)
    columns["majority"] = lambda result: result.measured(MAJORITY)
    note = (
        f"In brackets: {100 * confidence:g} % bootstrap intervals over the documents of the test "
        "split, paired for differences; they do not cover the variation between training seeds."
    )
    rows = [[cell(result) for cell in columns.values()] for result in results]
    return f"{pages.table(list(columns), rows)}\n\n{note}" if rows else note


def model_names(results: Sequence[Result]) -> tuple[str, str]:
    """The names of the two models in columns; with how they are tuned, where that differs."""
    ours = "pre-trained" if any(result.compares for result in results) else "model"
    methods = {result.method for result in results}
    if methods <= {FULL}:
        return ours, "from scratch"
    way = f" ({next(iter(methods))})" if len(methods) == 1 else ""
    return f"{ours}{way}", f"from scratch ({FULL})"


def verdicts(results: Sequence[Result], confidence: float) -> list[str]:
    """A sentence for each comparison, and for each model that may have learnt nothing."""
    lines = [
        f"- **{escaped(result.name)}**: "
        f"{pages.judge(result.metrics, result.metric, confidence, result.compared)}"
        for result in results
        if result.compares
    ]
    lines += [
        f"- **{escaped(result.name)}**: {escaped(said[0].upper() + said[1:])}."
        for result in results
        for said in (result.over_seeds, result.against_start, result.against_simple)
        if said
    ]
    lines += [
        f"- **{escaped(result.name)}**: the pre-trained model is {escaped(said)}."
        for result in results
        if (said := result.beyond_majority)
    ]
    return ["\n".join(lines)] if lines else []


def origin_section(origin: str, problems: Sequence[str], leakages: Sequence[Path]) -> list[str]:
    """The origin of the model, and whether its training data contain test rows."""
    if not origin:
        return []
    found = map(read_sentence, leakages)
    lines = [
        f"- **{escaped(name)}**: {said}"
        for name, said in zip(problems, found, strict=bool(leakages))
    ]
    return ["## The model", origin, *(["\n".join(lines)] if lines else [])]


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
