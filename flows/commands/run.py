"""`temper run`: run an experiment in this process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from flows.commands.arguments import (
    ExperimentArgument,
    OutputOption,
    RefreshOption,
    SetOption,
    VerifyOption,
)
from flows.commands.planning import planned_experiment, print_plan
from flows.terminal.in_process import in_process, out, require_writable
from flows.terminal.results_files import write_whole
from tasks.experiment.experiment import Experiment
from tasks.experiment.images.experiment import ImageExperiment
from tasks.machinery.host.digest_memo import Verification
from tasks.machinery.host.home import home


def run(
    experiment: ExperimentArgument = "demo",
    settings: SetOption = [],  # noqa: B006  (typer reads the default and never changes it)
    refresh: RefreshOption = [],  # noqa: B006
    verify: VerifyOption = "quick",
    output: OutputOption = None,
) -> None:
    """Run an experiment: cached stages are reused, interrupted trainings resume.

    Exit status: 0 done, 1 a stage failed, 2 the experiment is invalid, 130 interrupted.
    """
    chosen, planner = planned_experiment(experiment, settings, refresh, verify)
    print_plan(chosen.name, planner.steps)
    run_and_print(chosen, refresh, verify, output)


def run_and_print(
    chosen: Experiment | ImageExperiment,
    refresh: list[str],
    verify: Verification,
    output: Path | None,
) -> None:
    """Run an experiment whose plan was shown, and print its results."""
    require_writable("--output", output)
    result = _run(chosen, refresh, verify)
    _print_results(chosen, result)
    if output is not None:
        write_whole(output, json.dumps(result, indent=2) + "\n")
        out.print(f"written: {output}")


def _run(
    experiment: Experiment | ImageExperiment, refresh: list[str], verify: Verification
) -> dict[str, Any]:
    """Run the flow in this process, with its progress in the terminal."""

    def call() -> dict[str, Any]:
        if isinstance(experiment, ImageExperiment):
            from flows.images import run_images

            return run_images(experiment, refresh=refresh, verify=verify)  # type: ignore[arg-type]
        from flows.experiment import run_experiment

        # `planned_experiment` has checked that they are names of stages.
        return run_experiment(experiment, refresh=refresh, verify=verify)  # type: ignore[arg-type]

    return in_process(call)


def _print_results(experiment: Experiment | ImageExperiment, result: dict[str, Any]) -> None:
    from flows.terminal.console import (
        evaluation_facts,
        findings,
        pretraining_line,
        results_table,
        verdicts,
        where_to_look,
    )
    from tasks.machinery.execution.summary import RunSummary

    summary = RunSummary.model_validate(result)
    metrics = summary.metrics
    out.print()
    if experiment.pretraining.steps:
        out.print(pretraining_line(metrics), highlight=False)
    methods = {problem.name: problem.tuning.method for problem in experiment.downstream}
    problems = [*methods]
    if problems:
        out.print(results_table(metrics, problems))
    said = verdicts(metrics, problems, evaluation_facts(summary.stages), methods)
    said += findings(summary.stages)
    for line in ["", *said, "", *where_to_look(summary, home())]:
        out.print(line, highlight=False, markup=False)
