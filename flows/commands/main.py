"""The command `temper`: registers the commands, one a file beside this one."""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from flows.commands.compare import compare, leaderboard
from flows.commands.fields import fields
from flows.commands.files.data import data
from flows.commands.files.embed import embed
from flows.commands.files.explain import explain
from flows.commands.files.export import export
from flows.commands.files.new import new
from flows.commands.gc import gc
from flows.commands.parts import evaluate, finetune, pretrain
from flows.commands.plan import plan
from flows.commands.predict import predict
from flows.commands.presets import presets
from flows.commands.retrain import history, promote, retrain, rollback
from flows.commands.run import run
from flows.commands.sync import sync
from flows.commands.up import down, status, up
from flows.terminal.in_process import FAILED, INTERRUPTED, denied, err, full, out
from tasks.machinery.host.home import close_home
from tasks.machinery.naming.secrets import redact_output
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
    for line in filter(None, [problem, close_home()]):
        err.print(f"temper: {line}", style="yellow", markup=False, highlight=False)


_STAGES = (data, new, run, plan, fields, gc, pretrain, finetune, evaluate)
_RESULTS = (predict, explain, embed, export, retrain, history, promote, rollback)
_COMPARISONS = (compare, leaderboard)
_SERVERS = (up, down, status, sync, presets)
COMMANDS: tuple[Callable[..., None], ...] = (*_STAGES, *_RESULTS, *_COMPARISONS, *_SERVERS)
for command in COMMANDS:  # in the order of `temper --help`
    app.command()(command)


def main() -> None:
    """Entry point of the console script."""
    redact_output()
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception as problem:
        from tasks.machinery.tracking.outage import unanswered

        said = denied(problem) or full(problem) or unanswered(problem)
        if not said:
            raise
        err.print(f"temper: {said}", style="red", markup=False, highlight=False)
        sys.exit(FAILED)


if __name__ == "__main__":
    main()
