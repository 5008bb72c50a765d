"""The table of all problems, and a sentence for each comparison."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from tasks.experiment.training import FULL
from tasks.machinery.naming.markdown import escaped
from tasks.machinery.naming.metric_name import FROM_SCRATCH, MAJORITY, SIMPLE, START
from tasks.pages import numbers as pages
from tasks.pages.leakage_card import read_sentence
from tasks.pages.report.result import Result
from tasks.statistics import numbers


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
