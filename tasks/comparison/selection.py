"""Selecting past runs: by name, id, number or filter."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.comparison.past_run import PastRun, UnknownRunError, chosen
from tasks.comparison.past_runs import PastRuns


def select(
    past: PastRuns,
    wanted: Sequence[str] = (),
    *,
    last: int = 0,
    narrowed: str = "",
    experiment: str = "",
) -> list[PastRun]:
    """The runs to compare, the oldest first unless they were named.

    Args:
        past: MLflow's runs.
        wanted: names, ids or unique starts of ids; excludes all other arguments but `experiment`.
        last: this many of the newest finished runs; if possible of the kind of the newest, since a
            part on its own has little in common with a whole experiment.
        narrowed: a filter in MLflow's syntax.
        experiment: only its runs. Without it and without a filter, `last` selects from the
            experiment that ran last.

    Raises:
        UnknownRunError: there are fewer than two, or a run is unknown or ambiguous.
        StageError: no such experiment, a filter that MLflow does not understand, no MLflow.
    """
    if wanted and (last or narrowed.strip()):
        raise UnknownRunError("name the runs, or give --last or --filter: not both")
    runs = past.experiments_runs(experiment, narrowed)
    if wanted:
        found = chosen(wanted, runs)
    elif narrowed.strip() and not last:
        found = list(reversed(runs))
    else:
        found = list(reversed(_newest(runs, last or 2, experiment, narrowed)))
    if len(found) < 2:
        raise UnknownRunError(_too_few(found, runs, narrowed.strip()))
    return found


def _newest(
    runs: Sequence[PastRun], last: int, experiment: str, narrowed: str
) -> Sequence[PastRun]:
    finished = [run for run in runs if run.status == "FINISHED"]
    if finished and not experiment and not narrowed.strip():
        finished = [run for run in finished if run.experiment == finished[0].experiment]
        alike = [run for run in finished if run.kind == finished[0].kind]
        finished = alike if len(alike) >= last else finished
    return finished[:last]


def _too_few(found: Sequence[PastRun], runs: Sequence[PastRun], narrowed: str) -> str:
    """The message if fewer than two runs were found: what was found, and what to do."""
    if not found:
        what = "no run has finished yet" if runs else "there is no run of an experiment yet"
        what = f"no run matches the filter {narrowed!r}" if narrowed else what
        return f"{what}; a comparison needs two. `temper leaderboard` lists the runs"
    others = [run for run in runs if run is not found[0]][:5]
    known = "".join(f"\n  {run.run_id[:12]}  {run.when}  {run.name}" for run in others)
    return f"only one run, {found[0].run_id[:12]} ({found[0].name}); a comparison needs two" + (
        f". Others:{known}" if others else ": run the experiment with something changed"
    )
