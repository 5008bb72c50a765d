"""The page of a decision: the outcome and its reasons, the rule, both models with intervals."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from tasks.experiment.retraining import Rule
from tasks.machinery.naming.markdown import escaped
from tasks.pages.document import Cell
from tasks.pages.numbers import table
from tasks.problems import Unit
from tasks.statistics import numbers
from tasks.statistics.paired_measures import Estimate, Line
from tasks.statistics.promotion import Decision

OUTCOMES = {
    "first": "Promoted: the first champion",
    "promoted": "Promoted: the challenger is the new champion",
    "kept": "Not promoted: the champion stays",
    "refused": "Not promoted: there is no champion, and the challenger is not good enough",
}


def show(artifact: Path, out: Path) -> None:
    """Write card.md.

    Args:
        artifact: folder of stage `judgement`, with decision.json.
        out: empty folder.
    """
    found = json.loads((artifact / "decision.json").read_text(encoding="utf-8"))
    problem, rule, remarks = (found.pop(name) for name in ("problem", "rule", "remarks"))
    decision = Decision.of(found)
    text = page(decision, Rule(**rule), problem, remarks)
    (out / "card.md").write_text(text, encoding="utf-8")


def page(decision: Decision, rule: Rule, problem: str, remarks: Sequence[str] = ()) -> str:
    """The page of a decision, in Markdown; `remarks` are about the test split."""
    other = "majority" if decision.outcome in ("first", "refused") else "champion"
    head = decision.rows[:1]
    parts = [
        f"# {OUTCOMES[decision.outcome]}",
        "\n".join(f"- {escaped(reason)}" for reason in decision.reasons),
        f"{escaped(problem)}, {decision.rows[0].rows:,} rows of {decision.documents:,} documents "
        "in the current test split.",
        *map(escaped, remarks),
        _table(head, "metric", other),
    ]
    for kind, title in (
        ("part", decision.parts),
        ("slice", f"{head[0].name} by {decision.sliced_by}"),
    ):
        rows = [row for row in decision.rows if row.kind == kind]
        if rows:
            parts += [
                f"## {title}",
                _table(rows, decision.parts.rpartition(" ")[2] if kind == "part" else kind, other),
            ]
    parts += ["## Rule", _rule(rule), _reading(rule)]
    return "\n\n".join(parts) + "\n"


def _table(rows: tuple[Line, ...] | list[Line], kind: str, other: str) -> str:
    gain = numbers.in_words(rows[0].unit, "gain")
    header = [kind, "rows", other, "challenger", gain, "verdict"]
    lines: list[list[str | Cell]] = [
        [
            row.name,
            f"{row.rows:,}",
            measured(row.before, row.unit),
            measured(row.after, row.unit),
            gained(row.difference, row.unit),
            Cell(row.verdict or "no significant difference", strong=row.blocks),
        ]
        for row in rows
    ]
    return table(header, lines)


def measured(of: Estimate, unit: Unit) -> str:
    """`53.4 % [51.0, 55.9]`."""
    return numbers.with_interval(of.value, of.low, of.high, unit)


def gained(of: Estimate, unit: Unit) -> str:
    """`+9.1 [+7.0, +11.3]`."""
    return numbers.difference(of.value, of.low, of.high, unit)


def _rule(rule: Rule) -> str:
    fields = type(rule).model_fields
    rows = [
        [str(fields[name].title), f"{value:g}" if isinstance(value, float) else f"{value:,}"]
        for name, value in rule.model_dump().items()
    ]
    return table(["rule", "value"], rows)


def _reading(rule: Rule) -> str:
    return (
        f"In brackets: {100 * rule.confidence:g} % bootstrap intervals over the documents of the "
        "test split, paired for the gain, which is positive where the challenger is better; the "
        "intervals for classes and slices are simultaneous. They do not cover the variation "
        "between training seeds."
    )
