"""A comparison as a page: what differs, the results, the tests, the cost."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

from tasks.comparison.answers import setting_name
from tasks.comparison.comparison import (
    COUNTS,
    Comparison,
    MetricRow,
    Value,
    incomparable_pretraining,
)
from tasks.comparison.disagreement import Disagreement
from tasks.comparison.values import ABSENT, with_interval, with_spread
from tasks.comparison.ways.page import ways_blocks
from tasks.machinery.naming.cut import cut
from tasks.machinery.naming.metric_name import DOWNSTREAM, REFERENCES, MetricName
from tasks.pages.document import (
    Block,
    Cell,
    Document,
    Grid,
    Item,
    Paragraph,
    Picture,
    Section,
)
from tasks.statistics import numbers
from tasks.statistics.significance import BETTER, WORSE, Difference

ONE_SETTING = "These runs differ by the seed alone. Their differences are variation between seeds:"
_WIDEST = 60  # characters of a parameter
_LONGEST = 600  # characters of a text
# Other models' metrics and counts, which the full table has.
_LESS = ("test_documents", "epochs", "unigram_loss", "tokens", "parameters")


def page_of(found: Comparison, *, figures: bool = True) -> Document:
    """The page of a comparison.

    Args:
        found: the comparison.
        figures: whether to draw figures; a terminal shows none.
    """
    sections = [
        Section("Runs", _runs(found)),
        Section("Parameters that differ", _parameters(found)),
        Section("Results", _results(found, figures)),
        Section("Differences, tested", _differences(found)),
        Section("Ways of tuning", ways_blocks(found, figures=figures)),
        Section("Cost", _costs(found)),
        Section("Learning curves", _curves(found) if figures else []),
        Section("Where they disagree most", _disputes(found)),
        Section("All metrics", [_metric_grid(found, found.metrics)], aside=True),
    ]
    names = ", ".join(dict.fromkeys(run.experiment for run in found.runs))
    title = f"{names}: {len(found.runs)} runs compared"
    return Document(title, [section for section in sections if section.blocks])


def _runs(found: Comparison) -> list[Block]:
    several = len({run.experiment for run in found.runs}) > 1
    header = ["run", "name", "id", "started (UTC)", "status", "commit"]
    header += ["experiment"] if several else []
    rows = []
    for label, run in zip(found.labels, found.runs, strict=True):
        cells = [label, run.name, run.run_id[:8], run.when, run.status, run.commit or ABSENT]
        rows.append([Cell(text) for text in cells + ([run.experiment] if several else [])])
    blocks: list[Block] = [Grid(header, rows)]
    blocks += [Paragraph(f"{_joined(each)} have the same results.") for each in found.alike]
    commits = dict(zip(found.labels, (run.commit for run in found.runs), strict=True))
    for each in found.settings:
        if len(each) > 1:
            by = "the seed and the commit" if len({commits[i] for i in each}) > 1 else "the seed"
            blocks.append(Paragraph(f"{_joined(each)} differ by {by} alone: they are one setting."))
    if any(run.commit.endswith("*") for run in found.runs):
        blocks.append(Paragraph("* the code had uncommitted changes"))
    return blocks


def _joined(labels: Sequence[str]) -> str:
    return f"{', '.join(labels[:-1])} and {labels[-1]}"


def _parameters(found: Comparison) -> list[Block]:
    names = {name: name.removeprefix("downstream.") for name in found.parameters}
    rows = [
        [Cell(names[name]), *map(Cell, _told_apart(values))]
        for name, values in found.parameters.items()
    ]
    rows += [
        [Cell(f"content of {title}"), *(Cell(v[:8] if v else ABSENT) for v in values)]
        for title, values in found.data.items()
    ]
    if not rows:
        return [Paragraph("None: all runs have the same parameters and the same data.")]
    return [Grid(["parameter", *found.labels], rows)]


def _told_apart(values: Sequence[str | None]) -> list[str]:
    """Different values, cut so that they differ where they are cut too."""
    given = [value for value in values if value is not None]
    shown = {value: cut(value, _WIDEST) for value in given}
    if len({*shown.values()}) < len({*given}):
        together = takewhile(lambda signs: len({*signs}) == 1, zip(*given, strict=False))
        same = max(0, len([*together]) - _WIDEST // 3)
        shown = {value: cut(f"…{value[same:]}", _WIDEST) for value in given}
    return [ABSENT if value is None else shown[value] for value in values]


def _results(found: Comparison, figures: bool) -> list[Block]:
    names = {row.name: MetricName.parse(row.name) for row in found.metrics}
    rows = [
        row
        for row in found.metrics
        if names[row.name].metric not in _LESS and names[row.name].model not in REFERENCES
    ]
    if not rows:
        return [Paragraph("No run has results.")]
    blocks: list[Block] = [_spread_grid(found, rows)] if found.repeated else []
    blocks.append(_metric_grid(found, rows))
    why = incomparable_pretraining(found.runs)
    if why:
        blocks.append(Paragraph(f"{why[0].upper()}{why[1:]}."))
    if found.repeated:
        blocks.append(
            Paragraph(
                "Mean of a setting ± standard deviation over its seeds (smallest to largest). No "
                "single run is marked as the best: the best of several seeds is luck."
            )
        )
    blocks.append(
        Paragraph(
            "In brackets: bootstrap intervals over test documents, of each run alone. They do not "
            "cover the variation between training seeds."
        )
    )
    if figures:
        from tasks.comparison.overlays import headline_figures  # with matplotlib

        blocks += headline_figures(found)
    return blocks


def _metric_grid(found: Comparison, rows: Sequence[MetricRow]) -> Grid:
    body = [
        [
            Cell(_metric_name(row)),
            *(Cell(_shown(row, each), i in row.best) for i, each in enumerate(row.values)),
        ]
        for row in rows
    ]
    return Grid(["metric", *found.labels], body)


def _metric_name(row: MetricRow) -> str:
    """`library/rmse (lower is better)`; of a loss, everybody knows."""
    name = row.name.removeprefix(f"{DOWNSTREAM}/")
    return f"{name} (lower is better)" if row.way < 0 and not name.endswith("loss") else name


def _shown(row: MetricRow, value: Value | None) -> str:
    """A number with its interval; a count as a whole number."""
    if value is not None and MetricName.parse(row.name).metric in COUNTS:
        return f"{value.value:,.0f}"
    return with_interval(value)


def _spread_grid(found: Comparison, rows: Sequence[MetricRow]) -> Grid:
    """The metrics over the seeds of each setting."""
    body = [
        [
            Cell(_metric_name(row)),
            *(
                Cell(with_spread(each), i in row.best_settings)
                for i, each in enumerate(row.spreads)
            ),
        ]
        for row in rows
    ]
    return Grid(["over seeds", *(setting_name(each) for each in found.settings)], body)


def _differences(found: Comparison) -> list[Block]:
    blocks: list[Block] = [Paragraph(f"{text}.") for text in found.untested]
    if len(found.settings) == 1:
        return [*blocks, Paragraph(f"{ONE_SETTING} nothing is tested.")]
    tested = sorted(found.differences, key=lambda each: (each.problem, each.adjusted, each.p))
    if not tested:
        return [*blocks, Paragraph("Nothing could be tested.")]
    sure = sum(each.verdict in (BETTER, WORSE) for each in tested)
    some, few = tested[0], min(each.samples for each in tested)
    several = "comparisons show" if len(tested) > 1 else "comparison shows"
    grid = Grid(
        ["problem", "pair", "difference", "p", "p corrected", "verdict"],
        [_difference_row(each) for each in tested],
        strong="not chance",
    )
    how = (
        f"Paired bootstrap of {few:,} resamples over the documents of the shared test set; in "
        f"brackets the {100 * some.confidence:g} % interval of this difference alone. p is "
        f"corrected for {len(tested)} {'comparisons' if len(tested) > 1 else 'comparison'} (Holm); "
        f"the verdict is at {1 - some.confidence:.2g}. {on_seeds(found)}"
    )
    return [
        *blocks,
        Paragraph(f"{sure} of {len(tested)} {several} a difference."),
        grid,
        Paragraph(how),
    ]


def on_seeds(found: Comparison) -> str:
    """How the differences relate to the variation between training seeds."""
    several = (
        "Settings with several seeds are tested by their means: the resamples draw from their "
        "seeds too, and p is at least that of a permutation test of the seeds, so that fewer than "
        "four seeds each show no difference at 0.05."
    )
    single = (
        "Between settings of one seed each, the tests do not cover the variation between training "
        "seeds: run each with several (`--set seed=1`) for that."
    )
    sizes = [len(setting) for setting in found.settings]
    said = [several] if max(sizes) > 1 else []
    return " ".join([*said, single] if sizes.count(1) > 1 else said)


def _difference_row(each: Difference) -> list[Cell]:
    sure = each.verdict in (BETTER, WORSE)
    texts = [
        f"{each.problem} ({each.metric})",
        f"{each.first} − {each.second}",
        numbers.difference(each.value, each.low, each.high, "number"),
        shown_p(each.p, each.samples),
        shown_p(each.adjusted, each.samples),
    ]
    said = each.sentence if sure else each.verdict
    return [*(Cell(text) for text in texts), Cell(said, sure)]


def shown_p(value: float, samples: int) -> str:
    """A p-value, as precise as the number of resamples allows."""
    if value < 2.5 / samples:
        return f"<{2.5 / samples:.1g}"
    return f"{value:.3f}" if value >= 0.001 else f"{value:.1g}"


def _costs(found: Comparison) -> list[Block]:
    stages = list(dict.fromkeys(name for cost in found.costs for name in cost.by_stage))
    spent = [Cell(f"{'≥ ' if cost.unknown else ''}{cost.seconds:,.1f}") for cost in found.costs]
    rows = [[Cell("seconds, all stages"), *spent]]
    rows += [
        [Cell(f"  {stage}"), *(_seconds(cost.by_stage.get(stage)) for cost in found.costs)]
        for stage in stages
    ]
    energy = [Cell(f"{cost.watt_hours:,.3g}") for cost in found.costs]
    rows += [
        [Cell("energy, Wh (estimate)"), *energy],
        [Cell("tokens read in pre-training"), *(_whole(cost.tokens) for cost in found.costs)],
        [Cell("parameters of the encoder"), *(_whole(cost.parameters) for cost in found.costs)],
    ]
    unknown = sorted({title for cost in found.costs for title in cost.unknown})
    gone = f" No longer available: {', '.join(unknown)}." if unknown else ""
    return [Grid(["", *found.labels], rows), Paragraph(_how_costs(found) + gone)]


def _how_costs(found: Comparison) -> str:
    measured = min(cost.measured for cost in found.costs)
    return (
        "Each stage counts once, with the seconds that it took when it was computed, also if a "
        "run found it cached. Energy is an estimate (seconds × watts × utilization of the "
        "processors, after Green Algorithms, Lannelongue et al. 2021, "
        f"doi:10.1002/advs.202100707): {found.power.source}. The utilization is known for at least "
        f"{measured:.0%} of the seconds; for the rest, full load is assumed."
    )


def _seconds(value: float | None) -> Cell:
    return Cell(ABSENT if value is None else f"{value:,.1f}")


def _whole(value: float | None) -> Cell:
    return Cell(ABSENT if value is None else f"{value:,.0f}")


def _curves(found: Comparison) -> list[Block]:
    blocks: list[Block] = []
    named: set[str] = set()
    for overlay in found.overlays:
        if overlay.stage not in named:
            blocks += [
                Paragraph(f"{overlay.stage}: {_joined(each)} share this stage and have one line.")
                for each in overlay.shared
            ]
        named.add(overlay.stage)
        if not any(len(group) == len(found.runs) for group in overlay.shared):
            from tasks.comparison.overlays import curve_figures

            blocks += curve_figures(overlay)
    if any(isinstance(block, Picture) for block in blocks):
        blocks.append(
            Paragraph("Time counts from the start of training, without the pauses of a killed run.")
        )
        return blocks
    return []  # all runs share the stages: nothing to compare


def _disputes(found: Comparison) -> list[Block]:
    blocks: list[Block] = []
    for problem, disputes in found.disputed.items():
        if not disputes:
            blocks.append(Paragraph(f"{problem}: the runs give the same answer to every test row."))
        blocks += [_dispute(problem, number, each) for number, each in enumerate(disputes, start=1)]
    return blocks


def _dispute(problem: str, number: int, found: Disagreement) -> Item:
    facts = [("truth", cut(found.truth, _LONGEST), "")]
    facts += [
        (answer.run, f"{cut(answer.text, _LONGEST)} ({answer.score})", "✓" if answer.right else "✗")
        for answer in found.answers
    ]
    return Item(f"{problem} {number}, {found.document}", cut(found.text, _LONGEST), facts)
