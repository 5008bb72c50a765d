"""`temper plan`: what a run would compute, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from flows.commands.arguments import ExperimentArgument, RefreshOption, SetOption, VerifyOption
from flows.commands.planning import planned_experiment, print_plan
from flows.terminal.in_process import FAILED, err, out, stop
from tasks.contract import StageError
from tasks.experiment.experiment import Experiment
from tasks.experiment.images.experiment import ImageExperiment

if TYPE_CHECKING:
    from tasks.timing.planner import TimedPlanner


def plan(
    experiment: ExperimentArgument = "demo",
    settings: SetOption = [],  # noqa: B006
    refresh: RefreshOption = [],  # noqa: B006
    verify: VerifyOption = "quick",
    time: Annotated[
        bool,
        typer.Option(
            "--time", help="Also run a few steps: how long it takes, and whether it fits."
        ),
    ] = False,
) -> None:
    """Show what would run, what is cached, and why. Only a model to start from is stored."""
    chosen, planner = planned_experiment(experiment, settings, refresh, verify)
    print_plan(chosen.name, planner.steps)
    if isinstance(chosen, Experiment):
        _print_numbers(chosen, planner)
    if time:
        _print_time(chosen, planner)


def _print_numbers(experiment: Experiment, planner: TimedPlanner) -> None:
    from tasks.timing.derived import derived, lines_of

    found = derived(experiment, planner)
    for line in lines_of(found) if found else ():
        out.print(line, highlight=False, markup=False)


def _print_time(experiment: Experiment | ImageExperiment, planner: TimedPlanner) -> None:
    from flows.terminal.console import time_lines
    from tasks.timing.image_planner import expected_of_images

    try:
        if isinstance(experiment, ImageExperiment):
            expected = expected_of_images(planner, experiment, err.print)
        else:
            expected = planner.expected(experiment, err.print)
        for line in time_lines(expected):
            out.print(line, highlight=False, markup=False)
    except StageError as error:
        stop(str(error).splitlines(), FAILED)
