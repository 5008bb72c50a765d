"""Whether a challenger replaces the champion, decided from the answers of both on one test split.

Both are evaluated on the same resamples of the test documents (`bootstrap.py`), so each difference
has a paired interval. A challenger is promoted if

- its gain in the headline metric is at least `minimum_gain`, the interval of the gain lies above
  zero, and enough documents are answered differently (`least_p`): the gain is significant;
- no part (such as a class) and no slice loses more than is allowed. A loss counts if it is larger
  than allowed *and* its interval lies below zero. Among many classes some lose by chance, so these
  intervals are simultaneous (Bonferroni 1936; Dunn 1961, "Multiple comparisons among means", JASA
  56): together, not each, they have the rule's confidence. A loss that could be chance is reported
  and does not count.

The slices are the quarters of the test rows by length, in characters, or of pictures by their mean
pixel. Without a champion the
challenger is compared with the majority baseline in the same way, and classes and slices do not
count. From fewer than 10 documents nothing is concluded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import pandas as pd

from tasks.experiment.retraining import Rule
from tasks.problems import Problem
from tasks.statistics import numbers
from tasks.statistics.documents import FEWEST_DOCUMENTS
from tasks.statistics.paired_measures import Estimate, Line, PairedMeasures, Slicing

Outcome = Literal["first", "promoted", "kept", "refused"]


@dataclass(frozen=True)
class Decision:
    """The decision on a challenger, and its reasons.

    Attributes:
        outcome: `promoted`, or `kept` (the champion stays); without a champion `first` (it becomes
            the champion) or `refused`.
        reasons: as text, the most important one first.
        rows: the comparison of both models; the first row is the headline metric.
        documents: number of documents in the test split.
        parts: the metric of each part, such as `F1 by class`; empty if there are none.
        sliced_by: what the slices are quarters by.
    """

    outcome: Outcome
    reasons: tuple[str, ...]
    rows: tuple[Line, ...]
    documents: int
    parts: str = ""
    sliced_by: str = "length"

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Decision:
        """A decision from its fields as JSON has them (`dataclasses.asdict`)."""
        rows = []
        for row in values["rows"]:
            fields: dict[str, Any] = dict(row)
            for name in ("before", "after", "difference"):
                fields[name] = Estimate(**row[name])
            rows.append(Line(**fields))
        reasons = tuple(values["reasons"])
        facts = (values["documents"], values["parts"], values.get("sliced_by", "length"))
        return cls(values["outcome"], reasons, tuple(rows), *facts)

    @property
    def gain(self) -> Estimate:
        """Of the headline metric."""
        return self.rows[0].difference


def decide(
    kind: Problem,
    rule: Rule,
    seed: int,
    labels: Sequence[str],
    *,
    challenger: pd.DataFrame,
    champion: pd.DataFrame | None,
    majority: Sequence[Any],
    slicing: Slicing | None = None,
) -> Decision:
    """Judge a challenger.

    Args:
        kind: the problem.
        rule: the rule for a promotion.
        seed: of the resamples.
        labels: the possible answers of both models.
        challenger: its answers: document, input, gold, predicted.
        champion: the champion's answers to the same rows; None if there is none.
        majority: the answers of the majority baseline.
        slicing: what the rows are cut into slices by; by default their length.
    """
    before = list(majority) if champion is None else list(champion["predicted"])
    sides = PairedMeasures(kind, rule, seed, labels, challenger, before)
    slicing = slicing or Slicing.of(challenger, challenger)
    rows = [sides.headline()]
    if champion is not None:
        looked_at = [*sides.parts(), *sides.slices(slicing)]
        rows += [judged(row, rule) for row in sides.widened(looked_at)]
    documents = int(challenger["document"].nunique())
    could_show = sides.least_p() < 1 - rule.confidence
    won, reasons = _reasons(
        rows, rule, kind, documents, alone=champion is None, could_show=could_show
    )
    outcome: Outcome = "promoted" if won else "kept"
    if champion is None:
        outcome = "first" if won else "refused"
    parts = f"{kind.PARTS.metric.words} by {kind.PARTS.name}" if kind.PARTS else ""
    return Decision(outcome, tuple(reasons), tuple(rows), documents, parts, slicing.by)


def judged(row: Line, rule: Rule) -> Line:
    """A row with its verdict: whether the difference is real, and whether it is allowed."""
    difference = row.difference
    allowed = rule.worst_class_loss if row.kind == "part" else rule.worst_slice_loss
    if difference.low > 0:
        return replace(row, verdict="better")
    if -difference.value <= allowed:
        return replace(row, verdict="worse, as far as is allowed" if difference.high < 0 else "")
    if difference.high < 0:
        return replace(
            row, verdict=f"worse by more than {numbers.amount(allowed, row.unit)}", blocks=True
        )
    return replace(row, verdict="could be chance")


def _reasons(
    rows: list[Line], rule: Rule, kind: Problem, documents: int, *, alone: bool, could_show: bool
) -> tuple[bool, list[str]]:
    """Whether the challenger has won, and why or why not; gives the first row its verdict."""
    head, other = rows[0], "the majority baseline" if alone else "the champion"
    gain, unit = head.difference, head.unit
    ends = numbers.interval(gain.low, gain.high, unit, "+")
    said = (
        f"{numbers.gain(gain.value, unit)} of {head.name} against {other}, "
        f"{100 * rule.confidence:g} % interval {ends}"
    )
    if documents < FEWEST_DOCUMENTS:
        verdict = f"too few test documents ({documents}) to tell"
        rows[0] = replace(head, verdict=verdict, blocks=True)
        return False, [f"{verdict}: {FEWEST_DOCUMENTS} are needed"]
    if gain.high < 0:
        verdict = "worse"
    elif not gain.low > 0:
        verdict = "not shown to be better, could be chance"
    elif not could_show:
        verdict = "better on too few documents, could be chance"
    elif gain.value < rule.minimum_gain and not alone:
        verdict = f"better by less than the least gain of {numbers.amount(rule.minimum_gain, unit)}"
    else:
        verdict = "better"
    won = verdict == "better"
    rows[0] = replace(head, verdict=verdict, blocks=not won)
    reasons = [f"{verdict}: {said}"]
    for row in rows[1:]:
        if row.blocks:
            won = False
            what = kind.PARTS.name if row.kind == "part" and kind.PARTS else row.kind
            loss = row.difference
            text = numbers.difference(loss.value, loss.low, loss.high, row.unit)
            reasons.append(f"{what} {row.name} is {row.verdict}: {text}")
    return won, reasons
