"""The decisions about a registered model: one record each, in order.

MLflow's alias says which version is the champion; these records say why. None is deleted: a version
that is judged, promoted, rolled back and promoted again has four records.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, model_validator

WORDS = {
    "first": "promoted, the first champion",
    "promoted": "promoted",
    "kept": "kept champion",
    "refused": "not good enough, no champion",
    "by hand": "promoted by hand",
    "rolled back": "rolled back",
}
WINS = ("first", "promoted", "by hand")
BY_HAND = ("by hand", "rolled back")
_MOST_REASONS = 2


class Recorded(BaseModel):
    """One decision.

    Attributes:
        number: counts the decisions about this registered model, from 1.
        version: the version decided about: the challenger, or the version promoted by hand.
        outcome: one of WORDS.
        by: who decided: a person at a machine, or a schedule.
        when: the time, in UTC.
        reasons: the reasons as text.
        champion_before: the champion's version before the decision; empty if there was none.
        champion: the champion's version after it.
        previous: the version to roll back to; empty if there is none.
        rule: the rule applied to the challenger; empty by hand.
        metric: the headline metric.
        gain: the challenger's gain in that metric and its interval's ends; empty by hand.
        gain_text: the same as people read it, with its unit: `+4.1 [+2.0, +6.1] points`.
        test_data: digest of the test split that both were measured on.
        run_id: the run in MLflow with the table of both models.
    """

    number: int
    version: str
    outcome: str
    by: str
    when: datetime
    reasons: list[str] = []
    champion_before: str = ""
    champion: str = ""
    previous: str = ""
    rule: dict[str, Any] = {}
    metric: str = ""
    gain: list[float] = []
    gain_text: str = ""
    test_data: str = ""
    run_id: str = ""

    @model_validator(mode="after")
    def _gain_of_a_former_version(self) -> Recorded:
        if self.gain and not self.gain_text:  # recorded when all metrics were shares
            value, low, high = (f"{100 * each:+.1f}" for each in self.gain)
            self.gain_text = f"{value} [{low}, {high}] points"
        return self

    @property
    def brief(self) -> str:
        """The reasons without their numbers; by hand, only the reasons against it."""
        said = [reason.partition(": ")[0] for reason in self.reasons]
        said = [reason for reason in said if reason != BY_HAND[0]]
        more = len(said) - _MOST_REASONS
        return "; ".join(said if more <= 1 else [*said[:_MOST_REASONS], f"{more} more"])


def champions(decisions: Sequence[Recorded]) -> list[str]:
    """The versions to roll back through, the newest last: a rollback removes the last one."""
    stack: list[str] = []
    for decision in decisions:
        if decision.outcome in WINS:
            stack.append(decision.version)
        elif decision.outcome == "rolled back":
            while stack and stack[-1] != decision.version:
                stack.pop()
            stack = stack or [decision.version]
    return stack


def before(version: str, decisions: Sequence[Recorded]) -> str:
    """The champion before this version became champion; empty if there was none."""
    stack = champions(decisions)
    if version not in stack:
        return ""
    last = len(stack) - 1 - stack[::-1].index(version)
    earlier = [each for each in stack[:last] if each != version]
    return earlier[-1] if earlier else ""


def taken_down(version: str, decisions: Sequence[Recorded]) -> bool:
    """Whether a person demoted this version, and it was not made champion again since."""
    down = False
    for decision in decisions:
        if decision.champion == version:
            down = False
        elif decision.outcome in BY_HAND and decision.champion_before == version:
            down = True
    return down


def why_it_lost(version: str, decisions: Sequence[Recorded]) -> list[str]:
    """The reasons against a version, if it lost its last comparison: one line, or none."""
    judged = [each for each in decisions if each.version == version and each.gain]
    if not judged or judged[-1].outcome in WINS:
        return []
    last = judged[-1]
    against = f"version {last.champion_before}" if last.champion_before else "the baseline"
    reasons = "; ".join(last.reasons)
    return [f"version {version} lost to {against} on {last.when:%d %B %Y}: {reasons}"]


def why_nothing_new(
    version: str,
    decisions: Sequence[Recorded],
    champion: str,
    rule: dict[str, Any],
    test_data: str | None,
) -> str:
    """Why there is nothing to decide about a version; empty if there is.

    Args:
        version: the version that the experiment produces.
        decisions: all decisions about the registered model.
        champion: version of the champion; empty if there is none.
        rule: the current rule.
        test_data: digest of the current test split; None if all data are known to be unchanged
            since the last decision about the version.
    """
    if version == champion:
        return f"the experiment produces version {version}, which is the champion"
    if taken_down(version, decisions):
        return f"the experiment produces version {version}, which was demoted by hand"
    judged = [each for each in decisions if each.version == version and each.gain]
    if not judged:
        return ""
    last = judged[-1]
    same_data = test_data is None or test_data == last.test_data
    if same_data and last.rule == rule and last.champion_before == champion:
        said = WORDS[last.outcome]
        return f"the experiment produces version {version}: {said} on {last.when:%d %B %Y}"
    return ""
