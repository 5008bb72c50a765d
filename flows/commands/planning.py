"""Planning, which commands do before they run stages; mistakes end the program."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from flows.calls import planning
from flows.terminal.in_process import FAILED, INVALID, err, out, stop
from tasks.contract import StageError, UnreachableError
from tasks.experiment.experiment import Experiment
from tasks.experiment.images.experiment import ImageExperiment
from tasks.experiment.mistakes import InvalidExperimentError
from tasks.machinery.host.digest_memo import Verification
from tasks.machinery.host.home import home
from tasks.machinery.store.artifact import Artifact
from tasks.machinery.store.call import StageCaller

if TYPE_CHECKING:
    from tasks.timing.planner import TimedPlanner


@contextmanager
def _ending_on_mistakes() -> Iterator[None]:
    try:
        with err.status("reading the data …"):
            yield
    except InvalidExperimentError as error:
        stop(error.lines)
    except UnreachableError as error:
        stop([str(error)], FAILED)
    except StageError as error:
        stop([str(error)], INVALID)


def require_stages(refresh: Sequence[str]) -> None:
    """Check the names of stages to recompute; a mistake ends the program."""
    with _ending_on_mistakes():
        planning.require_stages(refresh)


def planned(
    recipe: Callable[[StageCaller], Artifact], refresh: Sequence[str], verify: Verification
) -> TimedPlanner:
    """The plan of a recipe; a mistake ends the program, before anything is computed."""
    with _ending_on_mistakes():
        planner = planning.planned(recipe, refresh, verify)
    return _reported(planner)


def print_plan(name: str, steps: list[Any]) -> None:
    """Show a plan."""
    from flows.terminal.console import plan_summary, plan_table

    out.print(f"[bold]{name}[/bold]  state in {home()}", highlight=False)
    out.print(plan_table(steps))
    out.print(plan_summary(steps), highlight=False)


def planned_experiment(
    name: str, settings: list[str], refresh: list[str], verify: Verification
) -> tuple[Experiment | ImageExperiment, TimedPlanner]:
    """The experiment and its plan; a mistake ends the program, before anything is computed."""
    with _ending_on_mistakes():
        chosen, planner = planning.planned_experiment(name, settings, refresh, verify)
    return chosen, _reported(planner)


def _reported(planner: TimedPlanner) -> TimedPlanner:
    """The planner, after saying what it did not read."""
    for line in planner.unread:
        out.print(line, style="yellow", markup=False, highlight=False)
    return planner
