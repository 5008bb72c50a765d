"""The command `temper`, in a process of its own that a test can kill: see `forking.py`.

    process = Command("run", str(file), environment={…})
    done = call("plan", str(file), environment={…})
    done = call(module="prefect.engine", environment={…})  # what `python -m` would run

They are used like `subprocess.Popen` and `subprocess.run`. What the command prints goes to files:
no server that it leaves behind keeps a pipe open.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Container, Mapping
from functools import cache
from pathlib import Path
from queue import Queue
from typing import IO, Any

from tests.conftest import ROOT

# What libraries read when they are imported: for other values another process forks.
AT_IMPORT = (
    "OMP_NUM_THREADS",
    "THP_MEM_ALLOC_ENABLE",
    "GOMP_SPINCOUNT",
    "HF_HUB_OFFLINE",
    "HF_ENDPOINT",
    "PYTHONHASHSEED",
)


class Forks:
    """The process that forks, and the statuses of those that have ended.

    Args:
        imported: the variables of `AT_IMPORT` that are set, and their values.
    """

    def __init__(self, imported: Mapping[str, str]) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket = ours
        self._lock = threading.Lock()
        self._forked: Queue[int] = Queue()
        self.ended: dict[int, int] = {}
        self.is_gone = False
        script = Path(__file__).with_name("forking.py")
        self._process = subprocess.Popen(
            [sys.executable, str(script), str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            env=without(AT_IMPORT, os.environ) | imported | {"PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the tests
        )
        theirs.close()
        threading.Thread(target=self._listen, daemon=True).start()
        atexit.register(ours.shutdown, socket.SHUT_RDWR)

    def _listen(self) -> None:
        while answer := self._socket.recv(4096):
            said = json.loads(answer)
            if "forked" in said:
                self.ended.pop(said["forked"], None)  # of an earlier process with this number
                self._forked.put(said["forked"])
            else:
                self.ended[said["ended"]] = said["status"]
        self.is_gone = True

    def fork(self, request: dict[str, Any], *streams: int) -> int:
        """The process that runs a request."""
        with self._lock:
            socket.send_fds(self._socket, [json.dumps(request).encode()], streams)
            return self._forked.get(timeout=300)


def without(names: Container[str], environment: Mapping[str, str]) -> dict[str, str]:
    """An environment without these variables."""
    return {name: value for name, value in environment.items() if name not in names}


@cache
def forks(*imported: tuple[str, str]) -> Forks:
    """Started once in each process of tests for the same variables."""
    return Forks(dict(imported))


class Command:
    """A command that was started; the methods are those of `subprocess.Popen`.

    Attributes:
        pid: its process, and its process group if it has a session of its own.
        returncode: its exit status, None while it runs; a signal that ended it, negated.
    """

    def __init__(
        self,
        *words: str,
        environment: Mapping[str, str],
        folder: Path = ROOT,
        log: Path | None = None,
        new_session: bool = False,
        module: str = "flows.commands.main",
    ) -> None:
        imported = {name: environment[name] for name in AT_IMPORT if name in environment}
        self._forks = forks(*imported.items())
        self.returncode: int | None = None
        self._out: IO[bytes] = log.open("w+b") if log else tempfile.TemporaryFile()  # noqa: SIM115
        self._err = self._out if log else tempfile.TemporaryFile()  # noqa: SIM115
        request = {
            "module": module,
            "words": words,
            "environment": dict(environment),
            "folder": str(folder),
            "new_session": new_session,
        }
        self.pid = self._forks.fork(request, self._out.fileno(), self._err.fileno())

    def poll(self) -> int | None:
        """Its exit status; None while it runs."""
        if self.returncode is None:
            self.returncode = self._forks.ended.get(self.pid)
            assert self.returncode is not None or not self._forks.is_gone, "the forks are gone"
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Its exit status, once it has ended.

        Raises:
            subprocess.TimeoutExpired: it runs longer than these seconds.
        """
        until = time.monotonic() + timeout if timeout is not None else None
        while (status := self.poll()) is None:
            if until is not None and time.monotonic() >= until:
                raise subprocess.TimeoutExpired("temper", timeout or 0)
            time.sleep(0.01)
        return status

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """What it prints to standard output and error, once it has ended."""
        self.wait(timeout)
        return self._read(self._out), "" if self._err is self._out else self._read(self._err)

    def send_signal(self, number: int) -> None:
        """Send a signal to the process alone."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill the process alone."""
        self.send_signal(signal.SIGKILL)

    @staticmethod
    def _read(file: IO[bytes]) -> str:
        file.seek(0)
        return file.read().decode()


def call(*words: str, timeout: float = 300, **how: Any) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; `how` as for `Command`."""
    command = Command(*words, **how)
    try:
        out, err = command.communicate(timeout)
    except subprocess.TimeoutExpired:
        command.kill()
        raise
    return subprocess.CompletedProcess(words, command.wait(), out, err)
