"""`temper`, with a clock on what its stages do beside their own work; told as the last line.

Their time in the store is from before the import of their libraries to the end of the function. In
it are also metrics, facts and progress, as far as the stage waits for them: what threads of MLflow
and Prefect do meanwhile takes time from it, and is not seen here.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any

from flows.cli import main
from tasks.machinery.monitor import StageMonitor
from tasks.machinery.stage import Stage
from tests.benchmarks.setting import Figures


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
