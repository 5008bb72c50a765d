"""Planning, which commands do before they run stages; mistakes end the program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from flows.commands.reading import read_small_sources
from flows.recipes.image_stages import IMAGE_NAMES
from flows.recipes.stages import NAMES
from flows.terminal.in_process import err, out, prepare, stop
from tasks.contract import StageError
from tasks.experiment.experiment import Experiment
from tasks.experiment.images.experiment import ImageExperiment
from tasks.experiment.mistakes import InvalidExperimentError
from tasks.machinery.host.digest_memo import Verification, verifying
from tasks.machinery.host.home import home, store_folder
from tasks.machinery.naming.spelling import nearest
from tasks.machinery.store.artifact import Artifact
from tasks.machinery.store.call import StageCaller

if TYPE_CHECKING:
    from tasks.timing.planner import TimedPlanner


def require_stages(refresh: Sequence[str], names: Sequence[str] = NAMES) -> None:
    """Check the names of stages to recompute; a mistake ends the program."""
    unknown = [stage for stage in refresh if stage not in names]
    if unknown:
        hints = [
            f"--refresh {stage}: no such stage{nearest(stage, names)}. Accepted: {', '.join(names)}"
            for stage in unknown
        ]
        stop(hints)


def planned(
    recipe: Callable[[StageCaller], Artifact], refresh: Sequence[str], verify: Verification
) -> TimedPlanner:
    """The plan of a recipe; a mistake ends the program, before anything is computed."""
    from tasks.machinery.store.store import Store
    from tasks.timing.planner import TimedPlanner

    planner = TimedPlanner(Store(store_folder()), frozenset(refresh))
    try:
        with verifying(verify):
            recipe(planner)
        with err.status("reading the data …"):
            read_small_sources(planner.calls)
    except InvalidExperimentError as error:
        stop(error.lines)
    except StageError as error:
        stop([str(error)])
    return planner


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
    from flows.presets.loading import load_any
    from flows.recipes.experiment import recipe

    require_stages(refresh, tuple(dict.fromkeys((*NAMES, *IMAGE_NAMES))))
    try:
        experiment = load_any(name, settings)
    except InvalidExperimentError as error:
        stop(error.lines)
    if isinstance(experiment, ImageExperiment):
        from flows.recipes import images
        from tasks.models.images.torchvision import torchvision_problem

        if problem := torchvision_problem():
            stop([problem])

        require_stages(refresh, IMAGE_NAMES)
        return experiment, planned(partial(images.recipe, experiment), refresh, verify)
    require_stages(refresh)
    if experiment.start:
        prepare()  # the model may be in MLflow, and is kept in the state folder
    return experiment, planned(partial(recipe, experiment), refresh, verify)
