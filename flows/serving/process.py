"""The process that runs the flow runs that the Prefect UI and its schedules start.

`temper up` starts it. It runs a few trainings at a time, one by default; the others stay scheduled.
It counts them itself instead of using a limit on the server, whose slots are leased: a busy
training would lose its slot, and a killed one would keep it (PrefectHQ/prefect#17415, #19068). Flow
runs without the tag `training` do not wait for trainings.

When it is asked to stop, it starts nothing new, interrupts the flow runs that it started, and marks
them as cancelled once they have written a checkpoint and reported to MLflow.

Every few minutes it also cleans up after other processes: it closes runs whose process was killed,
delivers waiting reports to MLflow, and skips missed scheduled runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import os
import shlex
import signal
import threading
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from prefect.deployments.runner import RunnerDeployment
from prefect.runner import runner
from prefect.runner._starter_engine import EngineCommandStarter

from flows.serving.deployments import EARLIER_NAMES, TRAINING, deployments
from flows.serving.kept_schedules import (
    end_earlier_names,
    end_what_nobody_serves,
    keep_what_people_set,
)
from flows.serving.states import StateProposer
from tasks.machinery.execution.delivery import deliver_all
from tasks.machinery.host.child import python_command
from tasks.machinery.host.files import write_atomically
from tasks.machinery.host.home import store_folder
from tasks.machinery.host.ledger import start_lock
from tasks.machinery.host.owner import BEAT, this_process
from tasks.machinery.orchestration.gone_flow_runs import close_what_is_gone
from tasks.machinery.orchestration.heartbeat_automation import ensure_automation
from tasks.machinery.orchestration.missed_schedules import skip_missed_runs
from tasks.machinery.servers.servers import life_file, uses_temper_up
from tasks.machinery.store.store import Store
from tasks.machinery.tracking.tracking import Tracking

LOGGER = logging.getLogger("prefect.temper.serving")

LOOK_EVERY = 2.0  # seconds between two looks for something to run
TIDY_EVERY = 180.0  # seconds
STOPPED = "`temper up` was stopped; run the same experiment again to resume it"
QUICK_AT_ONCE = 4  # flow runs that are not trainings


# Prefect would start a flow run by `python -m prefect.engine`: see `child.py`.
vars(runner)["EngineCommandStarter"] = functools.partial(
    EngineCommandStarter, command=shlex.join(python_command("prefect.engine"))
)
vars(runner)["StateProposer"] = StateProposer


class Server(runner.Runner):
    """Prefect's runner, which does not end on a signal before its flow runs have ended."""

    def handle_sigterm(self, *_: Any, **__: Any) -> None:
        """Do nothing: this process has its own handlers."""

    async def cancel_all(self) -> None:
        """Interrupt all flow runs, and report the reason to Prefect."""
        await self._cancellation_manager.cancel_all(STOPPED)


async def serve(offered: Sequence[RunnerDeployment], runs_at_once: int) -> None:
    """Serve until SIGTERM or SIGINT."""
    chosen = {
        "trainings": ([each for each in offered if TRAINING in each.tags], runs_at_once),
        "others": ([each for each in offered if TRAINING not in each.tags], QUICK_AT_ONCE),
    }
    servers: list[Server] = []
    served: set[UUID] = set()
    for name, (group, limit) in chosen.items():
        server = Server(name=name, query_seconds=LOOK_EVERY, pause_on_shutdown=False, limit=limit)
        for deployment in group:
            earlier = EARLIER_NAMES.get(deployment.full_name, "")
            kept = await keep_what_people_set(deployment, earlier)
            served.add(await server.aadd_deployment(kept))
        servers += [server] * bool(group)
    if uses_temper_up():
        await end_what_nobody_serves(served)
    await end_earlier_names(EARLIER_NAMES, ours=uses_temper_up())
    asked = asyncio.Event()
    serving = [asyncio.create_task(server.start()) for server in servers]
    await asyncio.sleep(0)  # the runners install their own handlers first; ours replace them
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked.set)
    write_atomically(life_file(), {"owner": this_process()})
    waiting = asyncio.create_task(asked.wait())
    await asyncio.wait([waiting, *serving], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    await asyncio.gather(*(server.astop() for server in servers if server.started))
    await asyncio.gather(*serving)


def tidy() -> None:
    """Clean up after other processes. Never raises, since it is called repeatedly."""
    try:
        skip_missed_runs()
        tracking = Tracking("", LOGGER.warning)
        with start_lock():
            reported = deliver_all(tracking, Store(store_folder()))
            close_what_is_gone(tracking)
        for experiment in reported:
            LOGGER.info("reported to MLflow what a run of %s had left unreported", experiment)
    except Exception as problem:
        LOGGER.warning(
            "cannot clean up after other processes: %s: %s", type(problem).__name__, problem
        )


def _tidy_on(ended: threading.Event) -> None:
    while not ended.wait(TIDY_EVERY):
        tidy()


def _show_life(ended: threading.Event) -> None:
    while not ended.wait(BEAT / 2):
        with contextlib.suppress(OSError):
            if life_file().exists():
                os.utime(life_file())
            else:  # it was unreadable, or somebody deleted it
                write_atomically(life_file(), {"owner": this_process()})


def serve_deployments(runs_at_once: int) -> None:
    """Serve the deployments in this process until SIGTERM or SIGINT."""
    ensure_automation()
    tidy()
    ended = threading.Event()
    for work in (_tidy_on, _show_life):
        threading.Thread(target=work, args=(ended,), daemon=True).start()
    try:
        asyncio.run(serve(deployments(), runs_at_once))
    finally:
        ended.set()
