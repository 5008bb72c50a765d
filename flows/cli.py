"""The command `temper`."""

from __future__ import annotations

import importlib.metadata
import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.console import Console

from flows.gc import gc
from tasks.machinery.digest_memo import Verification, verifying
from tasks.machinery.home import home, make_home, prepare_environment, store_folder
from tasks.machinery.stage import StageError
from tasks.mistakes import InvalidExperimentError
from tasks.spec import Experiment
from tasks.spelling import nearest
from tasks.stages import NAMES

if TYPE_CHECKING:
    from tasks.machinery.runner import StageFailedError

INVALID, FAILED, INTERRUPTED = 2, 1, 130
KEPT = "what was computed is kept: the same command goes on from there"

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Pre-train, fine-tune and evaluate as cached stages; compare the runs in MLflow.\n\n"
    "State lives in TEMPER_HOME (default: .temper in the working directory).",
)
# A log has no width to keep to: nothing in it is to be cut.
out = Console(soft_wrap=True, width=None if sys.stdout.isatty() else 160)
err = Console(stderr=True, soft_wrap=True)

ExperimentArgument = Annotated[
    str,
    typer.Argument(
        metavar="[PRESET | FILE.yaml]",
        help="A shipped experiment (see `temper presets`) or a file of your own.",
        show_default=True,
    ),
]
SetOption = Annotated[
    list[str],
    typer.Option(
        "--set",
        metavar="a.b=VALUE",
        help="Change a value of the experiment; a downstream problem by its name or index: "
        "downstream.library.epochs=3. May be given more than once.",
    ),
]
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
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Tell the version.")
    ] = False,
) -> None:
    prepare_environment()


VerifyOption = Annotated[
    Verification,
    typer.Option(
        help="How cached files are checked: by size and a memo of their digests, or every byte.",
    ),
]


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
    if output is not None and not output.absolute().parent.is_dir():
        _stop([f"--output {output}: no folder {output.absolute().parent}"])
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


@app.command()
def sync() -> None:
    """Tell MLflow what earlier runs could not, because it was out of reach."""
    from flows.sync import sync as deliver_everything

    try:
        for line in deliver_everything():
            out.print(line, highlight=False)
    except StageError as error:
        _stop(str(error).splitlines(), FAILED)


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
        _stop(hints)
    try:
        experiment = load_experiment(name, settings)
        planner = Planner(Store(store_folder()), frozenset(refresh))
        with verifying(verify):
            recipe(experiment, planner)
    except InvalidExperimentError as error:
        _stop(error.lines)
    except StageError as error:
        _stop([str(error)])
    return experiment, planner.steps


def _stop(lines: list[str], status: int = INVALID) -> NoReturn:
    for line in lines:
        err.print(f"temper: {line}", style="red", markup=False, highlight=False)
    raise typer.Exit(status)


def _print_plan(experiment: Experiment, steps: list[Any]) -> None:
    from flows.console import plan_summary, plan_table

    out.print(f"[bold]{experiment.name}[/bold]  state in {home()}", highlight=False)
    out.print(plan_table(steps))
    out.print(plan_summary(steps), highlight=False)


def _run(experiment: Experiment, refresh: list[str], verify: Verification) -> dict[str, Any]:
    """Run the flow in this process, with its progress in the terminal."""
    try:
        make_home()
    except StageError as error:
        _stop([str(error)])
    out.print("starting Prefect and MLflow …", highlight=False)
    # The terminal is for our progress; Prefect's log lines go to its server, for the UI.
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    from flows.console import Terminal
    from flows.experiment import run_experiment, show_on
    from tasks.machinery.cancellation import CANCELLED, was_cancelled
    from tasks.machinery.full_disk import full_disk
    from tasks.machinery.runner import StageFailedError
    from tasks.machinery.temporary_server import start_temporary_server

    signal.signal(signal.SIGTERM, _interrupt)
    try:
        start_temporary_server()
        with Terminal(out) as display:
            show_on(display)
            return run_experiment(experiment, refresh=refresh, verify=verify)
    except StageFailedError as error:
        _stop(_failure(error), FAILED)
    except StageError as error:
        _stop([str(error)], FAILED)
    except Exception as error:
        said = full_disk(error, home()) or f"{type(error).__name__}: {error}"
        _stop([str(said), KEPT], FAILED)
    except KeyboardInterrupt:
        _stop([CANCELLED if was_cancelled() else "interrupted", KEPT], INTERRUPTED)


def _failure(error: StageFailedError) -> list[str]:
    """A mistake in a person's data by its message, any other error with its type."""
    if isinstance(error.cause, StageError):
        return [str(error), f"nothing is lost: mend that, and {KEPT.partition(': ')[2]}"]
    return [f"{error.title} failed: {type(error.cause).__name__}: {error.cause}", KEPT]


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


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


if __name__ == "__main__":
    main()
