"""A process that has imported the libraries, and forks one that runs a module for each request.

To import torch, transformers, MLflow and Prefect takes many times as long as most commands of the
tests do. What reads the environment when it is imported (datasets, our own packages) is imported in
the forked process, which has an environment of its own. Prefect's modules appear there when they
are first imported, with the settings of that moment, as in a process that imports them from disk.

    python tests/support/forking.py SOCKET

SOCKET is the number of an inherited socket that keeps messages apart. A request is a JSON object,
with standard output and error as file descriptors; the answers, JSON objects, name the process that
was forked and, later, the status with which it ended. It ends when the other end of the socket is
closed.
"""

from __future__ import annotations

import gc
import importlib
import importlib.abc
import importlib.util
import json
import os
import random
import runpy
import select
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import numpy

LIBRARIES = (
    "accelerate",
    "asyncpg",
    "beartype",
    "boto3",
    "fastapi",
    "griffe",
    "jsonschema",
    "markdown_it",
    "matplotlib.backends.backend_agg",
    "matplotlib.figure",
    "mlflow",
    "mlflow.pyfunc",
    "mlflow.store.tracking.sqlalchemy_store",
    "mlflow.system_metrics.system_metrics_monitor",
    "mlflow.tracing.provider",
    "mlflow.transformers",
    "pandas",
    "pyarrow.parquet",
    "pydantic_settings",
    "redis.asyncio",
    "rich.progress",
    "seqeval.metrics",
    "sklearn.feature_extraction.text",
    "sklearn.linear_model",
    "sklearn.metrics",
    "sklearn.multiclass",
    "sklearn.utils.extmath",
    "sqlalchemy.dialects.sqlite",
    "sqlalchemy.ext.asyncio",
    "torch",
    "torch._dynamo",
    "transformers",
    "transformers.models.bert.modeling_bert",
    "transformers.pipelines.fill_mask",
    "transformers.pipelines.text_classification",
    "transformers.pipelines.token_classification",
    "transformers.trainer_callback",
    "typer",
)
SERVER = "prefect.server.api.server"  # imports nearly all of Prefect
MOST = 2**20  # bytes of a request


class Prefect(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Brings the modules of Prefect back when the first of them is imported."""

    def __init__(self) -> None:
        names = [name for name in sys.modules if name.partition(".")[0] == "prefect"]
        self.hidden = {name: sys.modules.pop(name) for name in names}
        self.spec = self.hidden["prefect"].__spec__

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """That of the package itself: its modules are only looked for afterwards."""
        if name != "prefect":
            return None
        found = importlib.util.spec_from_loader(name, self, origin=self.spec.origin)
        found.submodule_search_locations = self.spec.submodule_search_locations
        return found

    def create_module(self, spec: Any) -> Any:
        """The package as it was."""
        return self.hidden["prefect"]

    def exec_module(self, module: Any) -> None:
        """Read the settings as Prefect does when it is imported."""
        sys.meta_path.remove(self)
        sys.modules.update(self.hidden)
        module.__spec__, module.__loader__ = self.spec, self.spec.loader
        sys.modules["prefect.context"].refresh_global_settings_context()
        sys.modules["prefect.logging.configuration"].PROCESS_LOGGING_CONFIG.clear()
        sys.modules["prefect.logging.configuration"].setup_logging()


def become(request: dict[str, Any], streams: list[int]) -> None:
    """Make this forked process what a shell would start; it returns to run the command."""
    if request["new_session"]:
        os.setsid()
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with Path(os.devnull).open() as nothing:
        os.dup2(nothing.fileno(), 0)
    for number, stream in enumerate(streams, start=1):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:0] = [place for place in given if place and place not in sys.path]
    sys.argv = ["temper", *request["words"]]
    sys.meta_path.insert(0, Prefect())
    random.seed()  # the state is the same in all that are forked
    numpy.random.seed()


def serve(requests: socket.socket) -> str:
    """Fork for each request and report how each ended.

    Returns:
        In each forked process, the module that it is to run.
    """
    here, woken = os.pipe()
    os.set_blocking(here, False)
    os.set_blocking(woken, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)

    def answer(**values: int) -> None:
        requests.send(json.dumps(values).encode())

    running: set[int] = set()
    while True:
        ready, _, _ = select.select([requests, here], [], [])
        if here in ready:
            os.read(here, 4096)
        for pid in list(running):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                running.remove(pid)
                answer(ended=pid, status=os.waitstatus_to_exitcode(status))
        if requests in ready:
            text, streams, _, _ = socket.recv_fds(requests, MOST, 2)
            if not text:
                for pid in running:
                    os.kill(pid, signal.SIGTERM)
                sys.exit(0)
            pid = os.fork()
            if pid == 0:
                requests.close()
                os.close(here)
                os.close(woken)
                request = json.loads(text)
                become(request, streams)
                return str(request["module"])
            for stream in streams:
                os.close(stream)
            running.add(pid)
            answer(forked=pid)


if __name__ == "__main__":
    del sys.path[0]  # this file's folder
    for name in (*LIBRARIES, SERVER):
        importlib.import_module(name)
    gc.freeze()  # the collector of a forked process does not touch, and so copy, what is shared
    module = serve(socket.socket(fileno=int(sys.argv[1])))
    runpy.run_module(module, run_name="__main__", alter_sys=True)
