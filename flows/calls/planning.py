"""Planning: what a run would compute, and why; mistakes in the data are found before it starts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, get_args

from flows.calls.beginning import begin
from flows.calls.experiments import Given, Settings, as_experiment
from flows.calls.reading import read_small_sources
from flows.recipes.image_stages import IMAGE_NAMES
from flows.recipes.stages import NAMES
from flows.terminal.in_process import ready
from tasks.contract import StageError
from tasks.experiment.experiment import Experiment
from tasks.experiment.images.experiment import ImageExperiment
from tasks.experiment.mistakes import InvalidExperimentError
from tasks.machinery.host.digest_memo import Verification, verifying
from tasks.machinery.host.home import store_folder
from tasks.machinery.naming.spelling import nearest
from tasks.machinery.store.artifact import Artifact
from tasks.machinery.store.call import StageCaller
from tasks.models.images.torchvision import torchvision_problem

if TYPE_CHECKING:
    from flows.calls.results import Plan
    from tasks.timing.planner import TimedPlanner

Recipe = Callable[[StageCaller], Artifact]


def plan(
    experiment: Given = "demo",
    settings: Settings = (),
    *,
    refresh: Sequence[str] = (),
    verify: Verification = "quick",
) -> Plan:
    """What a run would compute, what is cached, and why; as `temper plan`.

    Args:
        experiment: an experiment, the name of a preset, or the path of a YAML file.
        settings: changes as `{"downstream.mood.epochs": 3}`, or as `--set` has them: `["seed=1"]`.
        refresh: stages to recompute although they are cached.
        verify: `quick` checks cached files by size and cached digests, `full` reads every byte.

    Raises:
        InvalidExperimentError: a value or a name is not valid, with a line for each.
        StageError: a source or a model to start from cannot be read.
    """
    from flows.calls.results import Plan
    from tasks.timing.derived import derived

    begin()
    chosen, planner = planned_experiment(experiment, settings, refresh, verify)
    numbers = derived(chosen, planner) if isinstance(chosen, Experiment) else None
    return Plan(chosen, tuple(planner.steps), numbers)


def planned_experiment(
    given: Given, settings: Settings, refresh: Sequence[str], verify: Verification
) -> tuple[Experiment | ImageExperiment, TimedPlanner]:
    """An experiment and its plan; it raises as `plan` does."""
    from flows.recipes.experiment import recipe

    refresh = [refresh] if isinstance(refresh, str) else refresh
    require_stages(refresh, tuple(dict.fromkeys((*NAMES, *IMAGE_NAMES))))
    _require_verification(verify)
    experiment = as_experiment(given, settings)
    if isinstance(experiment, ImageExperiment):
        from flows.recipes import images

        if problem := torchvision_problem():
            raise StageError(problem)
        require_stages(refresh, IMAGE_NAMES)
        if experiment.start:
            ready()  # as below
        return experiment, planned(partial(images.recipe, experiment), refresh, verify)
    require_stages(refresh)
    if experiment.start:
        ready()  # the model may be in MLflow, and is kept in the state folder
    return experiment, planned(partial(recipe, experiment), refresh, verify)


def planned(recipe: Recipe, refresh: Sequence[str], verify: Verification) -> TimedPlanner:
    """The plan of a recipe, whose small sources are read to their end.

    Raises:
        InvalidExperimentError: with a line for each mistake.
        StageError: a source cannot be read.
    """
    from tasks.machinery.store.store import Store
    from tasks.timing.planner import TimedPlanner

    planner = TimedPlanner(Store(store_folder()), frozenset(refresh))
    with verifying(verify):
        recipe(planner)
    found = read_small_sources(planner.calls)
    planner.unread, planner.counts = found.left, found.counts
    return planner


def _require_verification(verify: str) -> None:
    """Check how cached files are to be checked.

    Raises:
        InvalidExperimentError: in no such way.
    """
    accepted = get_args(Verification)
    if verify not in accepted:
        raise InvalidExperimentError(
            [
                f"verify: found {verify!r}{nearest(str(verify), accepted)}. "
                f"Accepted: {', '.join(accepted)}"
            ]
        )


def require_stages(refresh: Sequence[str], names: Sequence[str] = NAMES) -> None:
    """Check the names of stages to recompute.

    Args:
        refresh: the names.
        names: those of all stages.

    Raises:
        InvalidExperimentError: with a line for each that is no stage.
    """
    unknown = [stage for stage in refresh if stage not in names]
    if unknown:
        raise InvalidExperimentError(
            [
                f"--refresh {stage}: no such stage{nearest(stage, names)}. "
                f"Accepted: {', '.join(names)}"
                for stage in unknown
            ]
        )
