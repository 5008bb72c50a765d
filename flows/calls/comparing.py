"""Comparing past runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from flows.calls.beginning import begin
from tasks.machinery.host.home import store_folder

if TYPE_CHECKING:
    from flows.calls.results import Compared, Run
    from tasks.comparison.comparison import Comparison


def compare(
    *runs: str | Run,
    last: int = 0,
    narrowed: str = "",
    experiment: str = "",
    examples: int = 10,
    watts: float | None = None,
) -> Compared:
    """Compare runs, as `temper compare`: what differs, the results, and whether significantly.

    Args:
        runs: results of `run`, or runs by name, id or the start of an id; none: the last ones.
        last: without runs, how many of the newest finished runs; 0: all that match the filter, or 2
            without one.
        narrowed: without runs, a filter of MLflow: "params.`model.layers` = '2'".
        experiment: only runs of this experiment; empty: of the one that ran last.
        examples: how many rows to show per problem where the runs disagree.
        watts: power of the processors at full load; None: 12 W for each core.

    Raises:
        UnknownRunError: there is no such run, or fewer than two.
        UnreachableError: MLflow does not answer.
    """
    from flows.calls.results import Compared

    begin()
    named = [each if isinstance(each, str) else _id_of(each) for each in runs]
    found = compared(
        named,
        last=last,
        narrowed=narrowed,
        experiment=experiment,
        examples=examples,
        watts=watts,
        say=lambda _: None,
    )
    return Compared(found)


def _id_of(run: Run) -> str:
    """The id of a run in MLflow.

    Raises:
        UnknownRunError: it is no run.
    """
    from flows.calls.results import Run
    from tasks.comparison.past_run import UnknownRunError

    if not isinstance(run, Run):
        raise UnknownRunError(
            f"found {run!r:.80}; accepted: results of `run`, or runs by name or id"
        )
    return run.id


def compared(
    runs: Sequence[str],
    *,
    last: int,
    narrowed: str,
    experiment: str,
    examples: int,
    watts: float | None,
    say: Callable[[str], None],
) -> Comparison:
    """The comparison of runs; arguments and errors are those of `compare`."""
    from tasks.comparison.energy import Power
    from tasks.comparison.gathering import gather
    from tasks.comparison.past_runs import PastRuns
    from tasks.comparison.remains import Remains
    from tasks.comparison.selection import select
    from tasks.machinery.store.store import Store

    past = PastRuns()
    chosen = select(past, runs, last=last, narrowed=narrowed, experiment=experiment)
    remains = Remains(past.client, Store(store_folder()))
    return gather(chosen, remains, Power.assumed(watts), examples, say)
