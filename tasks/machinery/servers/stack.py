"""The three programs of `temper up`: started in order, watched, and stopped in reverse order.

Runs stop first, whether `temper run` or the serving process started them: they write a checkpoint
and report their end to MLflow and Prefect before the servers stop.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

from tasks.contract import StageError
from tasks.machinery.host.child import python_command, without_working_directory
from tasks.machinery.host.home import home, own_database
from tasks.machinery.host.ledger import ledgers
from tasks.machinery.host.owner import is_alive, is_here, pid_of, this_process
from tasks.machinery.servers.databases import databases, make_mlflow_database, migrate_mlflow
from tasks.machinery.servers.listening import PREFECT_SIGN_IN, Listening
from tasks.machinery.servers.prefect_server import command as prefect_server
from tasks.machinery.servers.processes import check_port, end, last_words, reap, session_of, start
from tasks.machinery.servers.servers import (
    TITLES,
    Name,
    Program,
    Servers,
    forget_servers,
    state_file,
)
from tasks.machinery.servers.sign_in import prepare_sign_in, sign_in_environment

STARTING = 180.0  # seconds that a server has to answer; the first start creates databases
CHECKPOINT = 45.0  # seconds that a training has to write a checkpoint and stop
_SERVER_ENDS = 15.0
_RESTARTS, _WITHIN = 3, 600.0  # the most restarts of a program within this many seconds

Say = Callable[[str], None]


@contextmanager
def alone() -> Iterator[bool]:
    """Allow one `temper up` at a time; yields whether it is this one. A kill releases the lock."""
    lock = FileLock(home() / "servers.lock")
    try:
        with lock.acquire(timeout=0):
            yield True
    except Timeout:
        yield False


def prepare_databases(say: Say) -> None:
    """Create or migrate the databases of the servers.

    Raises:
        StageError: a database has a newer schema, is in use, or is unreadable.
    """
    for database in databases():
        state = database.state()
        if state == "missing" and database.library == "mlflow":
            make_mlflow_database()
        if state != "older":
            continue
        busy = [each.experiment for each in ledgers() if each.is_alive]
        if busy:
            raise StageError(
                f"{database.file} needs a migration, but runs in progress use it "
                f"({', '.join(busy)}): wait until they have ended"
            )
        copy = database.back_up()
        say(
            f"{database.file.name} has the schema of an older {database.library}: migrating it; "
            f"the backup is {copy}"
        )
        if database.library == "mlflow":
            migrate_mlflow()


def end_all(servers: Servers, say: Say, hurry: Callable[[], bool] = lambda: False) -> None:
    """Stop all programs, the serving process first, and delete the record of the servers."""
    servers.stopping = True
    servers.write()  # so that runs in other terminals can report why they end
    interrupt_runs(servers, say, hurry)
    for program in reversed(servers.programs):
        patience = _SERVER_ENDS
        if program.name == "serving":
            patience += CHECKPOINT * servers.runs_at_once
        gently = end(program, patience, hurry)
        say(f"{TITLES[program.name]} stopped" + ("" if gently else ": it had to be killed"))
    forget_servers()


def interrupt_runs(servers: Servers, say: Say, hurry: Callable[[], bool]) -> None:
    """Interrupt the runs that `temper run` started on these servers, which they need."""
    prefect, serving = servers.program("prefect"), servers.program("serving")
    if prefect is None or not prefect.is_alive:
        return
    served = {each.pid for each in session_of(serving)} if serving else set()
    runs = [
        each
        for each in ledgers()
        if each.is_alive
        and is_here(each.owner)
        and each.server.startswith(prefect.address)
        and pid_of(each.owner) not in served
    ]
    for run in runs:
        say(f"interrupting `temper run` of {run.experiment} (pid {pid_of(run.owner)})")
        with suppress(OSError):
            os.kill(pid_of(run.owner), signal.SIGTERM)
    until = time.monotonic() + CHECKPOINT
    while any(is_alive(each.owner, 0) for each in runs) and not hurry():
        if time.monotonic() > until:
            return
        time.sleep(0.2)


@dataclass
class Stack:
    """The programs of one `temper up`.

    Attributes:
        ports: the ports of the servers.
        serving: the module that serves the deployments, and its arguments.
        runs_at_once: how many trainings run at a time.
        say: called with each line of progress.
        listening: where the servers listen.
    """

    ports: dict[Name, int]
    serving: Sequence[str]
    runs_at_once: int
    say: Say
    listening: Listening = field(default_factory=Listening)
    stopping: threading.Event = field(default_factory=threading.Event)
    _hurry: bool = False

    def __post_init__(self) -> None:
        self.servers = Servers(
            owner=this_process(), since=time.time(), runs_at_once=self.runs_at_once
        )
        self._restarts: dict[Name, list[float]] = {}

    def listen_for_signals(self) -> None:
        """Stop all in order on Ctrl-C, SIGTERM and a closed terminal; at once the second time."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._asked_to_stop)

    def _asked_to_stop(self, *_: object) -> None:
        self._hurry = self.stopping.is_set()
        self.stopping.set()

    def start(self) -> None:
        """Start all three, and wait until they are healthy.

        Raises:
            StageError: a port is taken, a database cannot be used, or a program does not start.
        """
        if len(set(self.ports.values())) < len(self.ports):
            said = " and ".join(f"--{name}-port" for name in self.ports)
            raise StageError(
                f"{said} are both {self.ports['prefect']}; accepted: two different ports"
            )
        for name, port in self.ports.items():
            check_port(port, f"--{name}-port", self.listening.address)
        prepare_databases(self.say)
        if not self.listening.is_private:
            prepare_sign_in()
        servers = [self._launch("prefect"), self._launch("mlflow")]
        for program in servers:
            self._wait_for(program)
        if not self.stopping.is_set():
            self._wait_for(self._launch("serving"))

    def watch(self) -> None:
        """Restart programs that end by themselves, until this process is asked to stop.

        Raises:
            StageError: a program ends repeatedly.
        """
        while not self.stopping.wait(2):
            if not state_file().exists():  # it was unreadable, or somebody deleted it
                self.servers.write()
            for program in list(self.servers.programs):
                reap(program)
                if not program.is_alive and not self.stopping.is_set():
                    self._start_again(program)

    def stop(self) -> None:
        """Stop all three in order."""
        end_all(self.servers, self.say, lambda: self._hurry)

    def _start_again(self, program: Program) -> None:
        end(program, 0)  # the remaining processes of its session
        before = self._restarts.setdefault(program.name, [])
        before[:] = [each for each in before if time.monotonic() - each < _WITHIN]
        words = f"the {TITLES[program.name]} ended: {last_words(program.log)} ({program.log})"
        if len(before) >= _RESTARTS:
            raise StageError(f"{words}. It ended again after {_RESTARTS} restarts")
        before.append(time.monotonic())
        self.say(f"{words}; restarting it")
        self._wait_for(self._launch(program.name))

    def _launch(self, name: Name) -> Program:
        """Start one program, and record it at once, since a kill may come at any moment."""
        address = self._address(name) if name in self.ports else ""
        log = home() / "logs" / f"{name}.log"
        # MLflow has uvicorn import from the working directory, whatever -P says. Prefect finds its
        # settings (prefect.toml, .env) and a relative database there, as its clients do.
        place = home() if name == "mlflow" else Path.cwd()
        command, environment = self._command(name), self._environment(name)
        program = start(name, command, environment, address, log, place=place)
        programs = [each for each in self.servers.programs if each.name != name]
        order = list(TITLES)
        self.servers.programs = sorted([*programs, program], key=lambda x: order.index(x.name))
        self.servers.write()
        return program

    def _wait_for(self, program: Program) -> None:
        begun = time.monotonic()
        title = TITLES[program.name]
        while not program.is_healthy:
            reap(program)
            late = time.monotonic() - begun > STARTING
            if self.stopping.is_set():
                return
            if late or not program.is_alive:
                problem = f"did not answer in {STARTING:.0f} s" if late else "ended"
                raise StageError(
                    f"the {title} {problem}: {last_words(program.log)}. The full log is "
                    f"{program.log}"
                )
            time.sleep(0.2)
        where = f" at {program.address}" if program.address else ""
        self.say(f"{title} is up{where} ({time.monotonic() - begun:.0f} s, pid {program.pid})")

    def _address(self, name: Name) -> str:
        return f"http://{self.listening.reached_at}:{self.ports[name]}"

    def _command(self, name: Name) -> list[str]:
        if name == "prefect":
            where, hosts = self.listening.address, self.listening.hosts
            return prefect_server(self.ports[name], where, hosts)
        if name == "serving":
            return [*python_command(*self.serving), str(self.runs_at_once)]
        port = self.ports[name]
        command = [sys.executable, "-P", "-m", "mlflow", "server", "--workers", "1"]
        command += ["--host", self.listening.address, "--port", str(port)]
        # Runs write their artifacts themselves, on this machine: to the same place as without a
        # server, and the server shows them from there.
        command += ["--backend-store-uri", own_database(), "--no-serve-artifacts"]
        command += ["--default-artifact-root", (home() / "mlartifacts").as_uri()]
        # By default, it also answers to names such as 10.example.com.
        command += ["--allowed-hosts", self.listening.mlflow_hosts()]
        if not self.listening.is_private:
            command += ["--cors-allowed-origins", self.listening.mlflow_origins(port)]
            command += ["--app-name", "basic-auth"]
        return command

    def _environment(self, name: Name) -> dict[str, str]:
        """The environment of a program, without variables that point servers at each other."""
        apart = ("PREFECT_API_URL", "MLFLOW_TRACKING_URI", "PREFECT_API_KEY")
        found = {key: value for key, value in os.environ.items() if key not in apart}
        found = without_working_directory(found) | {"PYTHONUNBUFFERED": "1"}
        found["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"
        # A relative URL: the UI calls the host and port it was loaded from, also through a tunnel.
        found["PREFECT_SERVER_UI_API_URL"] = "/api"
        if name == "serving":
            found["PREFECT_API_URL"] = f"{self._address('prefect')}/api"
            found["MLFLOW_TRACKING_URI"] = self._address("mlflow")
        elif not self.listening.is_private:
            found["PREFECT_SERVER_API_AUTH_STRING"] = os.environ[PREFECT_SIGN_IN]
            found |= sign_in_environment()
        return found
