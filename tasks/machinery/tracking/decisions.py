"""The decisions about a registered model: each a record, in the order in which they were made.

Which version is the champion is MLflow's alias; how it came to that is here. Nothing is forgotten:
a version that is judged, promoted, rolled back and promoted again has four records.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel

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
        number: of this registered model, from 1.
        version: which it is about: the challenger, or who became champion by hand.
        outcome: one of WORDS.
        by: who decided: a person at a machine, or a schedule.
        when: the time, in UTC.
        reasons: in words.
        champion_before: version of the champion until then; empty if there was none.
        champion: version of the champion since.
        previous: version of the one to roll back to; empty if there is none.
        rule: what was asked of the challenger; empty by hand.
        metric: the headline metric.
        gain: of the challenger in that metric, with the ends of its interval; empty by hand.
        test_data: digest of the test split that both were measured on.
        run_id: of the run in MLflow that has the table of both sides.
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
    test_data: str = ""
    run_id: str = ""

    @property
    def gain_text(self) -> str:
        """`+4.1 [+2.0, +6.1]`, in percentage points; empty by hand."""
        if not self.gain:
            return ""
        value, low, high = (f"{100 * share:+.1f}" for share in self.gain)
        return f"{value} [{low}, {high}]"

    @property
    def brief(self) -> str:
        """The reasons without their numbers; by hand, only what speaks against it."""
        said = [reason.partition(": ")[0] for reason in self.reasons]
        said = [reason for reason in said if reason != BY_HAND[0]]
        more = len(said) - _MOST_REASONS
        return "; ".join(said if more <= 1 else [*said[:_MOST_REASONS], f"{more} more"])


def champions(decisions: Sequence[Recorded]) -> list[str]:
    """The versions that one can roll back through, the newest last: a rollback takes one away."""
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
    """Which version was champion before this one became it; empty if none was."""
    stack = champions(decisions)
    if version not in stack:
        return ""
    last = len(stack) - 1 - stack[::-1].index(version)
    earlier = [each for each in stack[:last] if each != version]
    return earlier[-1] if earlier else ""


def taken_down(version: str, decisions: Sequence[Recorded]) -> bool:
    """Whether a person took this version down, and nobody has put it back since."""
    down = False
    for decision in decisions:
        if decision.champion == version:
            down = False
        elif decision.outcome in BY_HAND and decision.champion_before == version:
            down = True
    return down


def why_it_lost(version: str, decisions: Sequence[Recorded]) -> list[str]:
    """What speaks against a version, if it lost when it was last judged: a line, or none."""
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
    """Why there is nothing to decide about a version; empty where there is.

    Args:
        version: what the experiment would give, or gave.
        decisions: all that were made about the registered model.
        champion: version of the champion; empty if there is none.
        rule: what is asked now.
        test_data: digest of the test split now; None if all data are known to be as they were when
            the version was last decided about.
    """
    if version == champion:
        return f"version {version}, the champion, is what the experiment gives"
    if taken_down(version, decisions):
        return f"version {version}, taken down by hand, is what the experiment gives"
    judged = [each for each in decisions if each.version == version and each.gain]
    if not judged:
        return ""
    last = judged[-1]
    same_data = test_data is None or test_data == last.test_data
    if same_data and last.rule == rule and last.champion_before == champion:
        said = WORDS[last.outcome]
        return f"version {version} is what the experiment gives: {said} on {last.when:%d %B %Y}"
    return ""
