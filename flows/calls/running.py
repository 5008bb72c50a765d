"""Running an experiment in this process."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from flows.calls.beginning import begin
from flows.calls.experiments import Given, Settings
from flows.calls.planning import planned_experiment
from flows.terminal.in_process import out, ready, serving
from tasks.contract import StageError
from tasks.experiment.images.experiment import ImageExperiment
from tasks.machinery.host.digest_memo import Verification

if TYPE_CHECKING:
    from flows.calls.results import Run


def run(
    experiment: Given = "demo",
    settings: Settings = (),
    *,
    refresh: Sequence[str] = (),
    verify: Verification = "quick",
) -> Run:
    """Run an experiment, as `temper run`: cached stages are reused, interrupted trainings resume.

    It is the same run: the same cache, and the same runs and models in MLflow. Progress is printed.

    Args:
        experiment: an experiment, the name of a preset, or the path of a YAML file.
        settings: changes as `{"downstream.mood.epochs": 3}`, or as `--set` has them: `["seed=1"]`.
        refresh: stages to recompute although they are cached.
        verify: `quick` checks cached files by size and cached digests, `full` reads every byte.

    Raises:
        InvalidExperimentError: a value or a name is not valid, with a line for each.
        StageError: a source cannot be read, a stage finds a mistake in it, or a server does not
            answer. Completed work is kept.
        StageFailedError: a stage failed for another reason, its `cause`.
    """
    from flows.calls.results import Run

    begin()
    chosen, _ = planned_experiment(experiment, settings, refresh, verify)
    ready()
    with serving(out):
        from flows.experiment import run_experiment
        from flows.images import run_images
        from tasks.machinery.execution.runner import StageFailedError
        from tasks.machinery.execution.summary import RunSummary

        try:
            # `planned_experiment` has checked that they are names of stages.
            names = [refresh] if isinstance(refresh, str) else list(refresh)
            how: dict[str, Any] = {"refresh": names, "verify": verify}
            if isinstance(chosen, ImageExperiment):
                result = run_images(chosen, **how)
            else:
                result = run_experiment(chosen, **how)
        except StageFailedError as error:
            if isinstance(error.cause, StageError):
                raise StageError(str(error)) from error
            raise
    return Run(chosen, RunSummary.model_validate(result))
