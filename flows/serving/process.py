"""The process that runs what the Prefect UI and its schedules start.

`temper up` starts it. Trainings are taken a few at a time, one by default: the others wait as
scheduled. That is counted here and not by a limit on the server: a slot there is leased, and a
training that is busy, or killed, would lose it or keep it (PrefectHQ/prefect#17415, #19068). What
is not tagged as training does not wait for one.

Asked to stop, it takes nothing new, interrupts the flow runs that it started, and marks them as
cancelled once they have written a checkpoint and told MLflow.

Beside that, every few minutes, it sees to what others left: runs whose process was killed, what
MLflow could not be told, and schedules whose time passed while nothing was up.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import threading
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from prefect.deployments.runner import RunnerDeployment
from prefect.runner import Runner

from flows.serving.deployments import TRAINING, deployments
from flows.serving.kept_schedules import end_what_nobody_serves, keep_what_people_set
from tasks.machinery.execution.delivery import deliver_all
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
STOPPED = "`temper up` was stopped; the same experiment goes on from where it was"
QUICK_AT_ONCE = 4  # of what is no training


class Server(Runner):
    """Prefect's runner, which a signal does not end before its flow runs have ended."""

    def handle_sigterm(self, *_: Any, **__: Any) -> None:
        """Nothing: this process has handlers of its own."""

    async def cancel_all(self) -> None:
        """Interrupt all flow runs, and say in Prefect why."""
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
            served.add(await server.aadd_deployment(await keep_what_people_set(deployment)))
        servers += [server] * bool(group)
    if uses_temper_up():
        await end_what_nobody_serves(served)
    asked = asyncio.Event()
    serving = [asyncio.create_task(server.start()) for server in servers]
    await asyncio.sleep(0)  # the runners put handlers of their own: ours come after
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
    """See to what others left; never fails, as it is done for as long as this process lives."""
    try:
        skip_missed_runs()
        tracking = Tracking("", LOGGER.warning)
        with start_lock():
            told = deliver_all(tracking, Store(store_folder()))
            close_what_is_gone(tracking)
        for experiment in told:
            LOGGER.info("told MLflow what a run of %s had left untold", experiment)
    except Exception as problem:
        LOGGER.warning("cannot see to what others left: %s: %s", type(problem).__name__, problem)


def _tidy_on(ended: threading.Event) -> None:
    while not ended.wait(TIDY_EVERY):
        tidy()


def _show_life(ended: threading.Event) -> None:
    while not ended.wait(BEAT / 2):
        with contextlib.suppress(OSError):
            os.utime(life_file())


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
