"""The command `temper`."""

from __future__ import annotations

import importlib.metadata
import json
import sys
from functools import partial
from typing import Annotated, Any

import typer

from flows.commands.arguments import (
    ExperimentArgument,
    OutputOption,
    RefreshOption,
    SetOption,
    VerifyOption,
)
from flows.commands.compare import compare, leaderboard
from flows.commands.fields import fields
from flows.commands.gc import gc
from flows.commands.parts import evaluate, finetune, pretrain
from flows.commands.planning import planned, print_plan, require_stages
from flows.commands.retrain import history, promote, retrain, rollback
from flows.commands.up import down, status, up
from flows.terminal.in_process import (
    FAILED,
    INTERRUPTED,
    err,
    in_process,
    out,
    require_writable,
    stop,
)
from tasks.contract import StageError
from tasks.experiment.experiment import Experiment
from tasks.experiment.mistakes import InvalidExperimentError
from tasks.machinery.host.digest_memo import Verification
from tasks.machinery.host.home import home, make_home
from tasks.machinery.servers.environment import prepare_environment

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Pre-train, fine-tune and evaluate as cached stages; compare the runs in MLflow.\n\n"
    "State is in TEMPER_HOME (default: .temper in the working directory).",
)


def _version(wanted: bool) -> None:
    if wanted:
        out.print(f"temper {importlib.metadata.version('temper')}", highlight=False)
        raise typer.Exit


@app.callback()
def _environment(
    context: typer.Context,
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    alone = context.invoked_subcommand in ("up", "down", "status")
    problem = prepare_environment(with_servers=not alone)
    if problem:
        err.print(f"temper: {problem}", style="yellow", markup=False, highlight=False)


@app.command()
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
    chosen, planner = _planned(experiment, settings, refresh, verify)
    print_plan(chosen.name, planner.steps)
    require_writable("--output", output)
    result = _run(chosen, refresh, verify)
    _print_results(chosen, result)
    if output is not None:
        output.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
        out.print(f"written: {output}")


@app.command()
def plan(
    experiment: ExperimentArgument = "demo",
    settings: SetOption = [],  # noqa: B006
    refresh: RefreshOption = [],  # noqa: B006
    verify: VerifyOption = "quick",
    time: Annotated[
        bool, typer.Option("--time", help="Also run a few steps, and estimate the time.")
    ] = False,
) -> None:
    """Show what would run, what is cached, and why. Writes nothing."""
    chosen, planner = _planned(experiment, settings, refresh, verify)
    print_plan(chosen.name, planner.steps)
    if time:
        _print_time(chosen, planner)


app.command()(fields)
app.command()(gc)
for part_command in (pretrain, finetune, evaluate):
    app.command()(part_command)
for retraining_command in (retrain, history, promote, rollback):
    app.command()(retraining_command)
app.command()(compare)
app.command()(leaderboard)
for server_command in (up, down, status):
    app.command()(server_command)


@app.command()
def sync() -> None:
    """Report to MLflow what earlier runs could not, because it was unreachable."""
    try:
        make_home()  # before Prefect is imported, which looks for its folder
        from flows.commands.sync import sync as deliver_everything

        for line in deliver_everything():
            out.print(line, highlight=False)
    except StageError as error:
        stop(str(error).splitlines(), FAILED)


@app.command()
def presets() -> None:
    """List the shipped experiments."""
    from flows.presets.loading import presets as shipped
    from flows.presets.loading import summary_of

    for name, file in shipped().items():
        out.print(f"[bold]{name}[/bold]  {summary_of(file)}", highlight=False)


def _print_time(experiment: Experiment, planner: Any) -> None:
    from flows.terminal.console import time_lines

    try:
        for line in time_lines(planner.expected(experiment)):
            out.print(line, highlight=False, markup=False)
    except StageError as error:
        stop(str(error).splitlines(), FAILED)


def _planned(
    name: str, settings: list[str], refresh: list[str], verify: Verification
) -> tuple[Experiment, Any]:
    """The experiment and its plan; a mistake ends the program, before anything is computed."""
    from flows.presets.loading import load_experiment
    from flows.recipes.experiment import recipe

    require_stages(refresh)
    try:
        experiment = load_experiment(name, settings)
    except InvalidExperimentError as error:
        stop(error.lines)
    return experiment, planned(partial(recipe, experiment), refresh, verify)


def _run(experiment: Experiment, refresh: list[str], verify: Verification) -> dict[str, Any]:
    """Run the flow in this process, with its progress in the terminal."""

    def call() -> dict[str, Any]:
        from flows.experiment import run_experiment

        # `_planned` has checked that they are names of stages.
        return run_experiment(experiment, refresh=refresh, verify=verify)  # type: ignore[arg-type]

    return in_process(call)


def _print_results(experiment: Experiment, result: dict[str, Any]) -> None:
    from flows.terminal.console import (
        majority_answers,
        pretraining_line,
        results_table,
        verdicts,
        where_to_look,
    )
    from tasks.machinery.execution.summary import RunSummary

    summary = RunSummary.model_validate(result)
    metrics = summary.metrics
    out.print()
    out.print(pretraining_line(metrics), highlight=False)
    problems = [problem.name for problem in experiment.downstream]
    if problems:
        out.print(results_table(metrics, problems))
    said = verdicts(metrics, problems, majority_answers(summary.stages))
    for line in ["", *said, "", *where_to_look(summary, home())]:
        out.print(line, highlight=False, markup=False)


def main() -> None:
    """Entry point of the console script."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception as problem:
        said = _not_answered(problem)
        if not said:
            raise
        err.print(f"temper: {said}", style="red", markup=False, highlight=False)
        sys.exit(FAILED)


def _not_answered(problem: Exception) -> str:
    """The message if a server is unreachable or rejects us; empty for all other problems."""
    from tasks.machinery.tracking.outage import is_outage, reason, refusal

    if not is_outage(problem):
        return refusal(problem)
    return f"MLflow is unreachable: {reason(problem)}. Start it, and try again"


if __name__ == "__main__":
    main()
