"""The command `temper`."""

from __future__ import annotations

import importlib.metadata
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from flows.arguments import ExperimentArgument, SetOption, VerifyOption
from flows.compare import compare, leaderboard
from flows.gc import gc
from flows.in_process import FAILED, INTERRUPTED, err, in_process, out, require_writable, stop
from flows.promoting import history, promote, retrain, rollback
from flows.up import down, status, up
from tasks.machinery.digest_memo import Verification, verifying
from tasks.machinery.home import home, make_home, prepare_environment, store_folder
from tasks.machinery.stage import StageError
from tasks.mistakes import InvalidExperimentError
from tasks.spec import Experiment
from tasks.spelling import nearest
from tasks.stages import NAMES

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Pre-train, fine-tune and evaluate as cached stages; compare the runs in MLflow.\n\n"
    "State lives in TEMPER_HOME (default: .temper in the working directory).",
)

RefreshOption = Annotated[
    list[str],
    typer.Option(
        "--refresh",
        metavar="STAGE",
        help=f"Compute a stage although it is cached: {', '.join(NAMES)}. "
        "May be given more than once.",
    ),
]


def _version(wanted: bool) -> None:
    if wanted:
        out.print(f"temper {importlib.metadata.version('temper')}", highlight=False)
        raise typer.Exit


@app.callback()
def _environment(
    context: typer.Context,
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Tell the version.")
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
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE.json", help="Also write the results as JSON.", dir_okay=False),
    ] = None,
) -> None:
    """Run an experiment: what is cached is reused, what was interrupted goes on.

    Exit status: 0 done, 2 not a valid experiment, 1 a stage failed.
    """
    chosen, steps = _planned(experiment, settings, refresh, verify)
    _print_plan(chosen, steps)
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
) -> None:
    """Tell what would run, what is cached, and why. Computes nothing."""
    chosen, steps = _planned(experiment, settings, refresh, verify)
    _print_plan(chosen, steps)


app.command()(gc)
for retraining_command in (retrain, history, promote, rollback):
    app.command()(retraining_command)
app.command()(compare)
app.command()(leaderboard)
for server_command in (up, down, status):
    app.command()(server_command)


@app.command()
def sync() -> None:
    """Tell MLflow what earlier runs could not, because it was out of reach."""
    try:
        make_home()  # before Prefect is imported, which looks for its folder
        from flows.sync import sync as deliver_everything

        for line in deliver_everything():
            out.print(line, highlight=False)
    except StageError as error:
        stop(str(error).splitlines(), FAILED)


@app.command()
def presets() -> None:
    """List the shipped experiments."""
    from flows.loading import presets as shipped
    from flows.loading import summary_of

    for name, file in shipped().items():
        out.print(f"[bold]{name}[/bold]  {summary_of(file)}", highlight=False)


def _planned(
    name: str, settings: list[str], refresh: list[str], verify: Verification
) -> tuple[Experiment, list[Any]]:
    """The experiment and its plan; a mistake ends the program, before anything is computed."""
    from flows.loading import load_experiment
    from flows.recipe import recipe
    from tasks.machinery.planner import Planner
    from tasks.machinery.store import Store

    unknown = [stage for stage in refresh if stage not in NAMES]
    if unknown:
        hints = [
            f"--refresh {stage}: no such stage{nearest(stage, NAMES)}. Accepted: {', '.join(NAMES)}"
            for stage in unknown
        ]
        stop(hints)
    try:
        experiment = load_experiment(name, settings)
        planner = Planner(Store(store_folder()), frozenset(refresh))
        with verifying(verify):
            recipe(experiment, planner)
    except InvalidExperimentError as error:
        stop(error.lines)
    except StageError as error:
        stop([str(error)])
    return experiment, planner.steps


def _print_plan(experiment: Experiment, steps: list[Any]) -> None:
    from flows.console import plan_summary, plan_table

    out.print(f"[bold]{experiment.name}[/bold]  state in {home()}", highlight=False)
    out.print(plan_table(steps))
    out.print(plan_summary(steps), highlight=False)


def _run(experiment: Experiment, refresh: list[str], verify: Verification) -> dict[str, Any]:
    """Run the flow in this process, with its progress in the terminal."""

    def call() -> dict[str, Any]:
        from flows.experiment import run_experiment

        # They are names of stages: that was checked when it was planned.
        return run_experiment(experiment, refresh=refresh, verify=verify)  # type: ignore[arg-type]

    return in_process(call)


def _print_results(experiment: Experiment, result: dict[str, Any]) -> None:
    from flows.console import pretraining_line, results_table, verdicts, where_to_look

    metrics = result["metrics"]
    out.print()
    out.print(pretraining_line(metrics), highlight=False)
    problems = [problem.name for problem in experiment.downstream]
    if problems:
        out.print(results_table(metrics, problems))
    for line in ["", *verdicts(metrics, problems), "", *where_to_look(result, home())]:
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
    """What to say where a server is out of reach, or does not let us in; empty for all else."""
    from tasks.machinery.outage import is_outage, reason, refusal

    if not is_outage(problem):
        return refusal(problem)
    return f"MLflow cannot be reached: {reason(problem)}. Start it, and try again"


if __name__ == "__main__":
    main()
