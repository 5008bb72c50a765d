"""The first sentences of the page: what the results show."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.machinery.naming.markdown import escaped
from tasks.pages.report.result import Result
from tasks.statistics.verdict import BETTER, HELPS, IN_FULL, WORSE, verdict


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
