"""`temper`, with a clock on what its stages do beside their own work; told as the last line.

In their time in the store is also the import of their function with its libraries, and metrics,
facts and progress, as far as the stage waits for them: what threads of MLflow and Prefect do
meanwhile takes time from it, and is not seen here.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any

from tasks.machinery.servers.environment import prepare_environment

prepare_environment()  # before Prefect is imported, as `temper` does

from flows.commands.main import main  # noqa: E402
from tasks.contract import Stage  # noqa: E402
from tasks.machinery.execution.monitor import StageMonitor  # noqa: E402
from tests.benchmarks.setting import Figures  # noqa: E402


def clocked(function: Callable[..., Any], figures: Figures, name: str) -> Callable[..., Any]:
    """The function, whose seconds are added to a figure."""

    @functools.wraps(function)
    def timed(*given: Any, **named: Any) -> Any:
        begun = time.perf_counter()
        try:
            return function(*given, **named)
        finally:
            setattr(figures, name, getattr(figures, name) + time.perf_counter() - begun)

    return timed


if __name__ == "__main__":
    spent = Figures()
    Stage.load = clocked(Stage.load, spent, "importing")  # type: ignore[method-assign]
    for method in ("progress", "log", "note", "say"):
        setattr(StageMonitor, method, clocked(getattr(StageMonitor, method), spent, "telling"))
    try:
        main()
    finally:
        spent.tell()
