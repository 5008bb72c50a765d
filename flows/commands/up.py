"""`temper up`, `temper down`, `temper status`: the servers on the state folder."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any

import psutil
import typer
from rich.console import Console
from rich.table import Table

from flows.terminal.in_process import FAILED, stop
from tasks.contract import StageError
from tasks.machinery.host.home import home, make_home
from tasks.machinery.host.ledger import ledgers
from tasks.machinery.servers.listening import LOOPBACK, Listening
from tasks.machinery.servers.servers import (
    MLFLOW_PORT,
    PREFECT_PORT,
    TITLES,
    Name,
    Servers,
    forget_servers,
    read_servers,
)
from tasks.machinery.servers.stack import CHECKPOINT, Stack, alone, end_all
from tasks.machinery.tracking.tags import FLOW_RUN_NAME

DOWN = 3
_SERVING = ("flows.serving", "--runs-at-once")

out = Console(soft_wrap=True, width=None if sys.stdout.isatty() else 160, highlight=False)


def up(  # noqa: PLR0917  (the options of a command)
    prefect_port: Annotated[
        int, typer.Option(min=1, max=65535, help="Port of the Prefect server.")
    ] = PREFECT_PORT,
    mlflow_port: Annotated[
        int, typer.Option(min=1, max=65535, help="Port of the MLflow server.")
    ] = MLFLOW_PORT,
    listen: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="Address to listen on. Any but 127.0.0.1 lets other machines connect, and "
            "demands passwords: PREFECT_API_AUTH_STRING, MLFLOW_TRACKING_USERNAME and "
            "MLFLOW_TRACKING_PASSWORD.",
        ),
    ] = LOOPBACK[0],
    host_name: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Another name under which browsers reach the servers, as behind a proxy. "
            "Requests for other names are refused. It demands the same passwords as --listen.",
        ),
    ] = None,
    runs_at_once: Annotated[
        int,
        typer.Option(
            min=1,
            help="How many trainings run at a time, of those that the UI or a schedule starts.",
        ),
    ] = 1,
    retrain: Annotated[
        str,
        typer.Option(
            metavar="PRESET|FILE.yaml", help="Offer the retraining of a model of this experiment."
        ),
    ] = "",
    retrain_problem: Annotated[
        str, typer.Option(metavar="NAME", help="The problem whose model is retrained.")
    ] = "",
    retrain_model: Annotated[
        str, typer.Option(metavar="NAME", help="The registered model; default: its problem.")
    ] = "",
    retrain_cron: Annotated[
        str, typer.Option(metavar="LINE", help='Schedule: a cron expression, such as "0 3 * * 1".')
    ] = "",
    retrain_every: Annotated[
        str, typer.Option(metavar="SECONDS", help="Schedule: an interval.")
    ] = "",
    retrain_rrule: Annotated[
        str, typer.Option(metavar="RULE", help="Schedule: an RRule: FREQ=WEEKLY;BYDAY=MO.")
    ] = "",
    time_zone: Annotated[
        str,
        typer.Option(metavar="ZONE", help="Time zone of the schedule; default: this machine's."),
    ] = "",
) -> None:
    """Start the Prefect server, the MLflow server, and the serving process; Ctrl-C stops them.

    They listen on 127.0.0.1, answer no page of another site, and use the state of TEMPER_HOME, with
    all earlier runs. `temper run` uses them while they are up. When they stop, runs in progress
    write a checkpoint and stop.

    Exit status: 0 stopped, or already up; 1 cannot start.
    """
    with _errors_in_a_line():
        _require_retrain(
            retrain,
            {
                "--retrain-problem": retrain_problem,
                "--retrain-model": retrain_model,
                "--retrain-cron": retrain_cron,
                "--retrain-every": retrain_every,
                "--retrain-rrule": retrain_rrule,
                "--time-zone": time_zone,
            },
        )
        listening = Listening(listen, tuple(host_name or ()))
        listening.require_passwords()
        make_home()
        with alone() as here:
            if not here:
                _tell_it_is_up()
                if not listening.is_local:
                    raise StageError(f"it does not listen on {listen}: run `temper down` first")
                if retrain:
                    raise StageError(f"{retrain} is not retrained by it: run `temper down` first")
                return
            if retrain:
                when = {"cron": retrain_cron, "interval": retrain_every, "rrule": retrain_rrule}
                _hand_over(retrain, retrain_problem, retrain_model, when, time_zone)
            _take_over()
            ports: dict[Name, int] = {"prefect": prefect_port, "mlflow": mlflow_port}
            _run(Stack(ports, _SERVING, runs_at_once, _say, listening))


def _require_retrain(experiment: str, details: Mapping[str, str]) -> None:
    """Check that options of a retraining come with an experiment."""
    given = [option for option, value in details.items() if value]
    if given and not experiment:
        needs = "needs" if len(given) == 1 else "need"
        raise StageError(f"{', '.join(given)} {needs} --retrain EXPERIMENT")


def _hand_over(
    experiment: str, problem: str, model: str, when: Mapping[Any, str], zone: str
) -> None:
    """Check what to retrain and when, and pass it on to the serving process."""
    from flows.serving.retrain_settings import Retrained
    from tasks.experiment.mistakes import InvalidExperimentError

    try:
        Retrained.of(experiment, problem, model, when, zone).hand_over()
    except InvalidExperimentError as error:
        raise StageError("\n".join(error.lines)) from None


def _run(stack: Stack) -> None:
    """Start all, print the addresses, watch, and stop all in any case."""
    out.print(f"state in {home()}; starting (the first start takes a minute)", markup=False)
    _warn_of_environment()
    stack.listen_for_signals()
    try:
        stack.start()
        if not stack.stopping.is_set():
            _tell_addresses(stack.servers)
            if not stack.listening.is_private:
                where = stack.listening
                at = f"through a proxy on {where.names[0]}" if where.is_local else where.address
                _say(
                    f"other machines can connect, at {at}, with the "
                    "passwords, which are sent unencrypted: put a proxy with TLS in front"
                )
            stack.watch()
    finally:
        stack.stopping.set()
        running = _in_progress()
        if running:
            _say(f"stopping; in progress: {_listed(running)}")
        stack.stop()


def down() -> None:
    """Stop the servers of `temper up`, from any terminal, also those left by a killed `temper up`.

    Exit status: 0 nothing runs any more, 1 something could not be stopped.
    """
    with _errors_in_a_line():
        make_home()
        servers = _here(read_servers())
        if servers is None:
            out.print(f"nothing is up in {home()}", markup=False)
            return
        if servers.is_up:
            _ask_to_stop(servers)
        with alone() as here:
            if not here:
                raise StageError(f"`temper up` (pid {servers.pid}) did not stop")
            left = read_servers()
            if left is not None:
                end_all(left, _say)
        out.print("stopped")


def _ask_to_stop(servers: Servers) -> None:
    """Send SIGTERM to `temper up` and wait until it has stopped all; kill it after a timeout."""
    process = psutil.Process(servers.pid)
    process.send_signal(signal.SIGTERM)
    _say(f"asked `temper up` (pid {servers.pid}) to stop")
    until = time.monotonic() + 60 + CHECKPOINT * servers.runs_at_once
    while servers.is_up and time.monotonic() < until:
        time.sleep(0.2)
    if servers.is_up:
        _say("it did not stop in time: killed")
        process.kill()
        time.sleep(0.5)


def status() -> None:
    """Show which servers are up, their addresses, and the runs in progress.

    Exit status: 0 all are up and healthy, 3 otherwise.
    """
    servers = read_servers()
    out.print(f"state in {home()}", markup=False)
    running = _in_progress()
    if servers is None:
        out.print("down: `temper up` starts the servers")
    else:
        _show(servers)
    out.print(f"runs in progress: {running.total()}{': ' * bool(running)}{_listed(running)}")
    if servers is None or not servers.is_up or not _all_well(servers):
        raise typer.Exit(DOWN)


def _all_well(servers: Servers) -> bool:
    well = [each.name for each in servers.programs if each.is_healthy]
    return len(well) == len(TITLES)


def _show(servers: Servers) -> None:
    table = Table(box=None, pad_edge=False, padding=(0, 2), header_style="bold")
    for column in ("process", "pid", "address", "health", "log"):
        table.add_column(column, no_wrap=True)
    up_ = "running" if servers.is_up else "dead"
    table.add_row("temper up", str(servers.pid), "", up_ if servers.is_here else "elsewhere", "")
    for each in servers.programs:
        health = "healthy" if each.is_healthy else "unhealthy" if each.is_alive else "dead"
        title = TITLES[each.name]
        table.add_row(title, str(each.pid), each.address, health, str(each.log))
    out.print(f"since {_when(servers)}; trainings at a time: {servers.runs_at_once}")
    out.print(table)
    if not servers.is_here:
        out.print(f"it was started on another host: {servers.owner.rsplit(':', 2)[0]}")
    elif not servers.is_up:
        out.print("`temper up` was killed: `temper down` or `temper up` stops what it left")


def _take_over() -> None:
    """Stop what a killed `temper up` left, and delete its stale file."""
    left = _here(read_servers())
    if left is None:
        return
    alive = [each for each in left.programs if each.is_alive]
    if alive:
        _say(f"a `temper up` (pid {left.pid}) was killed: stopping what it left")
        end_all(left, _say)
    else:
        _say(f"a `temper up` (pid {left.pid}) was killed; its stale file is deleted")
        forget_servers()


def _here(servers: Servers | None) -> Servers | None:
    """The servers, if they were started on this host.

    Raises:
        StageError: they were started on another host.
    """
    if servers is not None and not servers.is_here:
        host = servers.owner.rsplit(":", 2)[0]
        raise StageError(
            f"`temper up` runs on {host} on this state folder, since {_when(servers)}: stop it "
            f"there, or, if {host} no longer exists, delete {home() / 'servers.json'}"
        )
    return servers


def _tell_it_is_up() -> None:
    servers = read_servers()
    if servers is None:
        out.print("`temper up` is starting or stopping on this state folder")
        return
    out.print(f"already up since {_when(servers)} (pid {servers.pid}); nothing was started")
    _tell_addresses(servers, hint="`temper down` stops it")


def _tell_addresses(servers: Servers, hint: str = "Ctrl-C stops all") -> None:
    out.print()
    for name, what in (("prefect", "Prefect (start and watch runs)"), ("mlflow", "MLflow (runs)")):
        program = servers.program("prefect" if name == "prefect" else "mlflow")
        out.print(f"  {what:<32}{program.address if program else 'starting'}")
    out.print(f"\n{hint}")


def _warn_of_environment() -> None:
    for name in ("PREFECT_API_URL", "MLFLOW_TRACKING_URI"):
        if os.environ.get(name, "").startswith("http"):
            _say(f"{name} is set: `temper run` in this shell uses it, not these servers")


def _in_progress() -> Counter[str]:
    """The runs in progress, by their names in Prefect."""
    going_on = [each for each in ledgers() if each.status == "RUNNING" and each.is_alive]
    return Counter(each.tags.get(FLOW_RUN_NAME, each.experiment) for each in going_on)


def _listed(running: Counter[str]) -> str:
    """`demo · bert 2×128 · 2,500 steps (2 of them), …`."""
    names = sorted(running.items())
    return ", ".join(f"{name} ({n} of them)" if n > 1 else name for name, n in names)


def _when(servers: Servers) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(servers.since))


def _say(line: str) -> None:
    out.print(f"  {line}", markup=False)


@contextmanager
def _errors_in_a_line() -> Iterator[None]:
    try:
        yield
    except StageError as problem:
        stop([str(problem)], FAILED)
