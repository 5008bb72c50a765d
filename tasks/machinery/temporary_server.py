"""The Prefect server of a run without one: in a session of its own, and gone when the run is.

Prefect starts it as a child in the same process group. Ctrl-C in a terminal goes to the whole
group: the server would die first, and the flow could not tell it that it was interrupted. A run
that is killed leaves its server behind, with the database open: the next start ends it.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import subprocess
from pathlib import Path
from types import SimpleNamespace

import psutil
from prefect.server.api import server
from prefect.settings import PREFECT_API_URL

from tasks.machinery.home import home
from tasks.machinery.owner import is_alive, is_here, owner_of, this_process
from tasks.machinery.store import write_atomically


def start_temporary_server() -> None:
    """Start the server that this process's flows will use; nothing where another one is set."""
    if PREFECT_API_URL.value():
        return
    folder = home() / "prefect" / "servers"
    end_servers_without_a_run(folder)
    nowhere = subprocess.DEVNULL  # a pipe that it held open would outlive a killed run
    popen = functools.partial(
        subprocess.Popen, start_new_session=True, stdin=nowhere, stdout=nowhere, stderr=nowhere
    )
    detached = SimpleNamespace(Popen=popen, TimeoutExpired=subprocess.TimeoutExpired)
    vars(server)["subprocess"] = detached
    started = server.SubprocessASGIServer()  # the one that Prefect's clients then find running
    started.start()
    if started.server_process is not None:
        folder.mkdir(parents=True, exist_ok=True)
        facts = {"run": this_process(), "server": owner_of(started.server_process.pid)}
        write_atomically(folder / f"{os.getpid()}.json", facts)


def end_servers_without_a_run(folder: Path) -> None:
    """End the servers whose run is gone."""
    for file in folder.glob("*.json"):
        facts = json.loads(file.read_text())
        if not is_here(facts["server"]) or is_alive(facts["run"], 0.0):
            continue
        if is_alive(facts["server"], 0.0):
            with contextlib.suppress(psutil.NoSuchProcess):
                psutil.Process(int(facts["server"].rsplit(":", 2)[1])).terminate()
        file.unlink(missing_ok=True)
